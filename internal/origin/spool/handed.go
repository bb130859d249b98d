package spool

import (
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/internal/api"
	"fanfare/internal/handover"
)

// handed is a file that a publisher on this machine opened and handed over: the body of one
// object. It is read by its position, so that whoever else reads or moves it does not matter; who
// writes to it meanwhile is found out by check. What is digested is what was read and stored, not
// what the file has become.
type handed struct {
	handover.Row
	fd     int
	offset int64
}

// addRows takes files that were handed over, by size bytes of rows.
func (in *Publication) addRows(size int64, body io.Reader) error {
	if size > handover.MaxRows {
		return api.BadRequest(fmt.Errorf("%d bytes of rows, at most %d", size, handover.MaxRows), "")
	}
	rows := make([]byte, size)
	if _, err := io.ReadFull(body, rows); err != nil {
		return truncated(err)
	}
	for len(rows) > 0 {
		row, rest, err := handover.ParseRow(rows)
		if err != nil {
			return api.BadRequest(err, "")
		}
		if err := in.addHanded(row); err != nil {
			return err
		}
		rows = rest
	}
	return nil
}

// addHanded takes the file that was handed over next.
func (in *Publication) addHanded(row handover.Row) error {
	fd, ok := -1, false
	if in.given.NextFile != nil {
		fd, ok = in.given.NextFile()
	}
	if !ok {
		return api.BadRequest(fmt.Errorf("%q was not handed over", row.Name), "")
	}
	defer unix.Close(fd) // nothing was written
	h := &in.handed
	*h = handed{Row: row, fd: fd}
	if row.Size >= aloneSize {
		if err := h.check(nil); err != nil {
			return err
		}
		// It is read once, in order; a system that takes no advice reads it, too.
		_ = unix.Fadvise(fd, 0, 0, unix.FADV_SEQUENTIAL)
	}
	return h.check(in.addObject(row.Name, row.Size, h))
}

// Read implements io.Reader.
func (h *handed) Read(p []byte) (n int, err error) {
	if left := h.Size - h.offset; int64(len(p)) > left {
		p = p[:left]
	}
	if len(p) == 0 {
		return 0, io.EOF
	}
	for {
		n, err = unix.Pread(h.fd, p, h.offset)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return 0, fmt.Errorf("spool: reading %q: %w", h.Name, err)
	}
	if n == 0 {
		return 0, io.EOF
	}
	h.offset += int64(n)
	return n, nil
}

// check returns err, what came of reading the file, or that the file is not as it was found.
func (h *handed) check(err error) error {
	var info unix.Stat_t
	statErr := unix.Fstat(h.fd, &info)
	for statErr == unix.EINTR {
		statErr = unix.Fstat(h.fd, &info)
	}
	switch {
	case statErr != nil:
		return fmt.Errorf("spool: stat of %q: %w", h.Name, statErr)
	case info.Mode&unix.S_IFMT != unix.S_IFREG:
		return api.BadRequest(fmt.Errorf("%q is not a regular file", h.Name), "only regular files can be published")
	case info.Size != h.Size || !time.Unix(info.Mtim.Unix()).Equal(h.Modified):
		return api.BadRequest(fmt.Errorf("%s changed while it was being published; nothing was published", h.Name), "")
	}
	return err
}
