package tree

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
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
	// and a path that need not be walked again is two system calls less.
	root, near *os.Root
	dir        string
}

// open opens a file as File.Open does.
func (t *tarring) open(f File) (fs.File, error) {
	dir, base := path.Split(f.Name)
	if f.root == nil || dir == "" {
		return f.Open()
	}
	if t.near == nil || t.root != f.root || t.dir != dir {
		t.leave()
		near, err := f.root.OpenRoot(dir)
		if err != nil {
			return nil, err
		}
		t.root, t.near, t.dir = f.root, near, dir
	}
	if file, err := t.near.Open(base); err == nil {
		return file, nil
	}
	return f.Open() // perhaps a link out of the directory, but not out of the root
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
	defer func() {
		if opened != nil {
			opened.Close() // nothing was written
		}
	}()
	before, err := opened.Stat()
	if err != nil {
		return err
	}
	if !before.Mode().IsRegular() || before.Size() != f.Size {
		return fmt.Errorf("%s %w", f.Path, ErrChanged)
	}
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: f.Name, Size: f.Size, Mode: 0o644,
		ModTime: before.ModTime(), Format: tar.FormatGNU, // GNU: names are bytes, not text
	}
	if file, ok := opened.(*os.File); ok && t.sender != nil && f.Size >= sendSize {
		opened = nil
		return t.send(f, file, header)
	}
	if err := t.archive.WriteHeader(header); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	source := &counted{r: io.LimitReader(opened, f.Size), tell: t.progress}
	n, err := io.CopyBuffer(t.archive, source, t.buffer)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	after, err := opened.Stat()
	if err != nil {
		return err
	}
	if n != f.Size || after.Size() != f.Size || !after.ModTime().Equal(before.ModTime()) {
		return fmt.Errorf("%s %w", f.Path, ErrChanged)
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

// counted tells of what passes through it.
type counted struct {
	r    io.Reader
	tell func(n int64)
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	if n > 0 {
		c.tell(int64(n))
	}
	return n, err
}
