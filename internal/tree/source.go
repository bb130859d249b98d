package tree

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// source is a file open for reading. With many small files the system calls are most of the work,
// so it does without the five by which os.File finds out that regular files cannot be waited for.
type source struct {
	fd   int
	path string // for errors
}

// openSource opens name in the directory at, itself and not what a symbolic link points at.
func openSource(at int, name, path string, flags int) (source, error) {
	s := source{path: path}
	err := patiently(func() (err error) {
		// What is a FIFO by now must not be waited for.
		s.fd, err = unix.Openat(at, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|flags, 0)
		return err
	})
	return s, s.explain("open", err)
}

// stat returns what the system knows of the file.
func (s source) stat() (info unix.Stat_t, err error) {
	err = patiently(func() error { return unix.Fstat(s.fd, &info) })
	return info, s.explain("stat", err)
}

// Read implements io.Reader.
func (s source) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	err = patiently(func() (err error) {
		n, err = unix.Read(s.fd, p)
		return err
	})
	if err != nil {
		return 0, s.explain("read", err)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s source) close() { unix.Close(s.fd) } // nothing was written

func (s source) explain(operation string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: operation, Path: s.path, Err: err}
}

// patiently calls f until no signal interrupts it.
func patiently(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}
