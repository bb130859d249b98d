package edgecache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"fanfare/internal/writeback"
)

// errReserve is ENOSPC before the file system says so: what is left is for the index.
var errReserve = fmt.Errorf("the disk is full but for the reserve: %w", unix.ENOSPC)

// A disk does the file operations that may fail in ways that matter. Tests replace its
// fields; allocate, writeAt and sync are those of the system otherwise.
type disk struct {
	dir     string // of the bundle files
	reserve int64
	closing sync.WaitGroup
	ahead   writeback.Ahead
	files   *files // open for requests

	allocate func(f *os.File, size int64) error
	writeAt  func(f *os.File, b []byte, offset int64) error
	sync     func(f *os.File) error
}

func newDisk(dir string, reserve int64) *disk {
	d := &disk{
		dir: dir, reserve: reserve,
		allocate: allocate,
		writeAt: func(f *os.File, b []byte, offset int64) error {
			_, err := f.WriteAt(b, offset)
			return err
		},
		sync: (*os.File).Sync,
	}
	d.files = newFiles(d.path, maxOpenFiles)
	return d
}

func (d *disk) path(sequence uint64) string {
	return filepath.Join(d.dir, strconv.FormatUint(sequence, 10))
}

// open opens the file of a bundle for reading and writing, and makes it if need be; the directory, too,
// if somebody has removed it.
func (d *disk) open(sequence uint64) (*os.File, error) {
	const flags = os.O_RDWR | os.O_CREATE
	file, err := os.OpenFile(d.path(sequence), flags, 0o644)
	if !errors.Is(err, os.ErrNotExist) {
		return file, err
	}
	if err := d.makeDir(); err != nil {
		return nil, err
	}
	return os.OpenFile(d.path(sequence), flags, 0o644)
}

// makeDir makes the directory, durably.
func (d *disk) makeDir() error {
	if err := os.Mkdir(d.dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return d.syncNames(filepath.Dir(d.dir))
}

// extend gives f the length size and the space for it, if the reserve stays free.
func (d *disk) extend(f *os.File, size int64) error {
	if _, err := d.shorten(f, size); err != nil {
		return err
	}
	return d.allocate(f, size)
}

// begin is extend for a bundle, whose space the loop waits for: in memory that is given page by page,
// a GB in a quarter of a second, which is better done on the way.
func (d *disk) begin(f *os.File, size int64) error {
	memory, err := d.shorten(f, size)
	switch {
	case err != nil:
		return err
	case memory:
		return f.Truncate(size)
	}
	return d.allocate(f, size)
}

// shorten takes from f what it has beyond size, if there is space for all the rest. It reports
// whether the file system is in memory.
func (d *disk) shorten(f *os.File, size int64) (memory bool, err error) {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return false, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return false, err
	}
	if need := size - st.Blocks*512; need > 0 && int64(fs.Bavail)*fs.Bsize-need < d.reserve {
		return false, errReserve
	}
	if st.Size > size {
		if err := f.Truncate(size); err != nil {
			return false, err
		}
	}
	return fs.Type == unix.TMPFS_MAGIC, nil
}

// allocate reserves the file's blocks, or at least sets its length where the file system
// cannot do that.
func allocate(f *os.File, size int64) error {
	if size == 0 {
		return f.Truncate(0)
	}
	for {
		err := unix.Fallocate(int(f.Fd()), 0, 0, size)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return f.Truncate(size)
		default:
			return err
		}
	}
}

// syncDir makes the directory's names durable.
func (d *disk) syncDir() error { return d.syncNames(d.dir) }

func (d *disk) syncNames(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return d.sync(f)
}

// remove unlinks the file of a bundle. It is no error if there is none.
func (d *disk) remove(sequence uint64) error {
	if err := os.Remove(d.path(sequence)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	d.files.drop(sequence)
	return nil
}

// removeLater is remove for a file that may be large: its name goes at once, and its space,
// which can take the system a second, in a goroutine that wait waits for.
func (d *disk) removeLater(sequence uint64) error {
	file, err := os.Open(d.path(sequence))
	if err == nil {
		defer d.closing.Go(func() { file.Close() })
	}
	return d.remove(sequence)
}

// wait returns when the space of every removed file is free and nothing is begun.
func (d *disk) wait() {
	d.closing.Wait()
	d.ahead.Wait()
}

// data calls f for the parts of the file that have been written, until it returns false.
// On a file system that cannot tell, it is the whole file.
func data(file *os.File, f func(from, to int64) bool) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	for at := int64(0); at < size; {
		from, err := unix.Seek(int(file.Fd()), at, unix.SEEK_DATA)
		switch {
		case errors.Is(err, unix.ENXIO):
			return nil
		case err != nil:
			f(at, size)
			return nil
		}
		to, err := unix.Seek(int(file.Fd()), from, unix.SEEK_HOLE)
		if err != nil || to <= from {
			to = size
		}
		if !f(from, to) {
			return nil
		}
		at = to
	}
	return nil
}
