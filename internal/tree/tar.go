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

// WriteTar writes files as a tar stream. It fails if a file is no longer there or does not
// have the size it had when it was found. progress is told of every byte.
//
// A w that has SendFile(fd int) error, Flush() error and Push() error is handed the files as they
// are, open: in the stream stand only their rows (see package handover).
func WriteTar(w io.Writer, files []File, progress func(n int64)) error {
	t := tarring{archive: tar.NewWriter(w), progress: progress}
	write := t.write
	if sender, ok := w.(fileSender); ok {
		t.handing = handing{sender: sender}
		write = t.hand
	} else {
		t.buffer = make([]byte, 64<<10)
	}
	defer t.leave()
	for i := range files {
		if err := write(&files[i]); err != nil {
			return err
		}
	}
	if err := t.handOver(); err != nil {
		return err
	}
	return t.archive.Close()
}

// tarring is one WriteTar.
type tarring struct {
	archive  *tar.Writer
	handing  handing
	buffer   []byte
	progress func(n int64)
	// near is the directory dir of root, where the last file was: its neighbours come next,
	// and their paths need not be walked again.
	root *os.Root
	near *os.File
	dir  string
}

// open opens a file as File.Open does.
func (t *tarring) open(f *File) (source, error) {
	opened, err := t.find(f)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s vanished while it was being published; nothing was published", f.Path)
	}
	return opened, err
}

// find is open without an explanation.
func (t *tarring) find(f *File) (source, error) {
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
	if s, err := openSource(int(t.near.Fd()), base, f.Path, unix.O_NOFOLLOW); err == nil || tooMany(err) {
		return s, err
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
func (t *tarring) write(f *File) error {
	opened, err := t.open(f)
	if err != nil {
		return err
	}
	defer opened.close()
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
func (t *tarring) copy(f *File, from io.Reader) error {
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
