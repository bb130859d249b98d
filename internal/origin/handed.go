package origin

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// handed is a file that a publisher on this machine opened and handed over: the body of one
// object. It is read by its position, so that whoever else reads or moves it does not matter; who
// writes to it meanwhile is found out by check. What is digested is what was read and stored, not
// what the file has become.
type handed struct {
	*io.SectionReader
	file     *os.File
	name     string
	modified time.Time
}

// takeFile returns the file whose header has come; the caller closes it.
func (in *ingest) takeFile(header *tar.Header) (*handed, error) {
	var file *os.File
	if in.nextFile != nil {
		file = in.nextFile()
	}
	if file == nil {
		return nil, badRequest(fmt.Errorf("%q is not a regular file", header.Name), "only regular files can be published")
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = badRequest(fmt.Errorf("%q is not a regular file", header.Name), "only regular files can be published")
	case info.Size() != header.Size:
		err = changed(header.Name)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	// It is read once, in order; a system that takes no advice reads it, too.
	_ = unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_SEQUENTIAL)
	return &handed{
		SectionReader: io.NewSectionReader(file, 0, header.Size),
		file:          file, name: header.Name, modified: info.ModTime(),
	}, nil
}

// check returns err, what came of reading the file, or that the file was changed meanwhile.
func (h *handed) check(err error) error {
	info, statErr := h.file.Stat()
	if statErr != nil {
		return errors.Join(err, statErr)
	}
	if info.Size() != h.Size() || !info.ModTime().Equal(h.modified) {
		return changed(h.name)
	}
	return err
}

func (h *handed) close() { h.file.Close() } // nothing was written

// changed is the error of a file that was not the same from the first byte to the last.
func changed(name string) error {
	return badRequest(fmt.Errorf("%s changed while it was being published; nothing was published", name), "")
}
