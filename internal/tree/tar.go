package tree

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// ErrChanged is of a file that was not the same from the first byte to the last.
var ErrChanged = errors.New("changed while it was being published; nothing was published")

// sendSize is from where on a file is handed over, where that can be, instead of its bytes: what
// is smaller costs more that way.
const sendSize = 64 << 10

// fileSender is a destination that takes open files. SendFile owns the file from then on; its
// header comes next, and Flush sends both.
type fileSender interface {
	SendFile(f *os.File) error
	Flush() error
}

// WriteTar writes files as a tar stream. It fails if a file is no longer there or does not
// have the size it had when it was found. progress is told of every byte.
//
// A w that has SendFile(*os.File) error and Flush() error is handed larger files as they are,
// open: in the stream stands a header of tar.TypeFifo with the file's size, but no body.
func WriteTar(w io.Writer, files []File, progress func(n int64)) error {
	t := tarring{archive: tar.NewWriter(w), buffer: make([]byte, 64<<10), progress: progress}
	t.sender, _ = w.(fileSender)
	defer t.leave()
	for _, f := range files {
		if err := t.write(f); err != nil {
			return err
		}
	}
	return t.archive.Close()
}

// tarring is one WriteTar.
type tarring struct {
	archive  *tar.Writer
	sender   fileSender // nil: none
	buffer   []byte
	progress func(n int64)
	// near is the directory dir of root, where the last file was: its neighbours come next,
	// and their paths need not be walked again.
	root *os.Root
	near *os.File
	dir  string
}

// open opens a file as File.Open does.
func (t *tarring) open(f File) (source, error) {
	if f.root == nil {
		return openSource(unix.AT_FDCWD, f.Path, f.Path, 0)
	}
	dir, base := path.Split(f.Name)
	if t.near == nil || t.root != f.root || t.dir != dir {
		t.leave()
		near, err := f.root.Open(path.Join(".", dir))
		if err != nil {
			return source{}, err
		}
		t.root, t.near, t.dir = f.root, near, dir
	}
	if s, err := openSource(int(t.near.Fd()), base, f.Path, unix.O_NOFOLLOW); err == nil {
		return s, nil
	}
	// Perhaps a link out of the directory, but not out of the root.
	file, err := f.root.Open(f.Name)
	if err != nil {
		return source{}, err
	}
	defer file.Close()
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	return source{fd, f.Path}, err
}

func (t *tarring) leave() {
	if t.near != nil {
		t.near.Close() // nothing was written there
		t.near = nil
	}
}

// write appends one file to the archive.
func (t *tarring) write(f File) error {
	opened, err := t.open(f)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s vanished while it was being published; nothing was published", f.Path)
	} else if err != nil {
		return err
	}
	sent := false
	defer func() {
		if !sent {
			opened.close()
		}
	}()
	before, err := opened.stat()
	if err != nil {
		return err
	}
	if before.Mode&unix.S_IFMT != unix.S_IFREG || before.Size != f.Size {
		return fmt.Errorf("%s %w", f.Path, ErrChanged)
	}
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: f.Name, Size: f.Size, Mode: 0o644,
		ModTime: time.Unix(before.Mtim.Unix()), Format: tar.FormatGNU, // GNU: names are bytes, not text
	}
	if t.sender != nil && f.Size >= sendSize {
		sent = true
		return t.send(f, opened.file(), header)
	}
	if err := t.archive.WriteHeader(header); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	if err := t.copy(f, opened); err != nil {
		return err
	}
	after, err := opened.stat()
	if err != nil {
		return err
	}
	if after.Size != f.Size || after.Mtim != before.Mtim {
		return fmt.Errorf("%s %w", f.Path, ErrChanged)
	}
	return nil
}

// copy appends the bytes of one file to the archive.
func (t *tarring) copy(f File, from io.Reader) error {
	for left := f.Size; left > 0; {
		n, err := from.Read(t.buffer[:min(left, int64(len(t.buffer)))])
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%s %w", f.Path, ErrChanged)
		}
		if err == nil {
			_, err = t.archive.Write(t.buffer[:n])
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		left -= int64(n)
		t.progress(int64(n))
	}
	return nil
}

// send hands one file over. Whether it changes meanwhile is seen by who reads it.
func (t *tarring) send(f File, opened *os.File, header *tar.Header) error {
	header.Typeflag = tar.TypeFifo
	err := t.sender.SendFile(opened)
	if err == nil {
		err = t.archive.WriteHeader(header)
	}
	if err == nil {
		err = t.sender.Flush()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	t.progress(f.Size)
	return nil
}
