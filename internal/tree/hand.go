package tree

import (
	"archive/tar"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"fanfare/internal/handover"
)

const (
	// handedFiles is how many files are handed over together, in one system call, and handedBytes
	// with how many bytes in them no more are waited for.
	handedFiles = 64
	handedBytes = 1 << 20
)

// fileSender is a destination that takes open files. SendFile owns the descriptor from then on; the
// files' rows come next, and Flush sends both once that is worth it, Push at once.
type fileSender interface {
	SendFile(fd int) error
	Flush() error
	Push() error
}

// handing has the files that are open and not handed over yet.
type handing struct {
	sender fileSender // nil: none takes files
	rows   []byte
	row    handover.Row
	files  int
	bytes  int64 // in the files
}

// hand has one file handed over, soon. Whether it is as it was found, and stays so, is seen by who
// reads it.
func (t *tarring) hand(f *File) error {
	opened, err := t.open(f)
	if tooMany(err) { // but those that wait are closed once they are sent
		if err = t.push(); err == nil {
			opened, err = t.open(f)
		}
	}
	if err != nil {
		return err
	}
	h := &t.handing
	if err := h.sender.SendFile(opened.fd); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	h.row = handover.Row{Name: f.Name, Size: f.Size, Modified: f.modified}
	h.rows = h.row.Append(h.rows)
	h.files++
	if h.bytes += f.Size; h.files < handedFiles && h.bytes < handedBytes {
		return nil
	}
	return t.handOver()
}

// tooMany reports whether err says that this process, or the system, may not have more files open.
func tooMany(err error) bool { return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) }

// push hands over all files that are open, at once.
func (t *tarring) push() error {
	if err := t.handOver(); err != nil {
		return err
	}
	if err := t.handing.sender.Push(); err != nil {
		return fmt.Errorf("tree: handing over: %w", err)
	}
	return nil
}

// handOver hands over what waits for it.
func (t *tarring) handOver() error {
	h := &t.handing
	if h.files == 0 {
		return nil
	}
	header := &tar.Header{Typeflag: handover.TypeRows, Name: "rows", Size: int64(len(h.rows)), Format: tar.FormatGNU}
	err := t.archive.WriteHeader(header)
	if err == nil {
		_, err = t.archive.Write(h.rows)
	}
	if err == nil {
		err = t.archive.Flush() // to the end of the rows' last block
	}
	if err == nil {
		err = h.sender.Flush()
	}
	if err != nil {
		return fmt.Errorf("tree: handing over: %w", err)
	}
	t.progress(h.bytes)
	h.rows, h.files, h.bytes = h.rows[:0], 0, 0
	return nil
}
