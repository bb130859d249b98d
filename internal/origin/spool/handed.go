package spool

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"fanfare/internal/api"
	"fanfare/internal/handover"
)

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

// addHanded takes the file that was handed over next. It is read by its position, so that whoever
// else reads or moves it does not matter; who writes to it meanwhile is found out. What is digested
// is what was read and stored, not what the file has become.
func (in *Publication) addHanded(row handover.Row) error {
	fd, ok := -1, false
	if in.given.NextFile != nil {
		fd, ok = in.given.NextFile()
	}
	if !ok {
		return api.BadRequest(fmt.Errorf("%q was not handed over", row.Name), "")
	}
	file := os.NewFile(uintptr(fd), row.Name)
	defer file.Close() // nothing was written
	if row.Size >= aloneSize {
		if err := unchanged(file, &row); err != nil {
			return err
		}
		// It is read once, in order; a system that takes no advice reads it, too.
		_ = unix.Fadvise(fd, 0, 0, unix.FADV_SEQUENTIAL)
	}
	err := in.addObject(row.Name, row.Size, io.NewSectionReader(file, 0, row.Size))
	if changed := unchanged(file, &row); changed != nil {
		return changed // which explains err
	}
	return err
}

// unchanged returns an error if a file is not as it was found when its row was written.
func unchanged(file *os.File, row *handover.Row) error {
	info, err := file.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("spool: %w", err)
	case !info.Mode().IsRegular():
		return api.BadRequest(fmt.Errorf("%q is not a regular file", row.Name), "only regular files can be published")
	case info.Size() != row.Size || !info.ModTime().Equal(row.Modified):
		return api.BadRequest(fmt.Errorf("%s changed while it was being published; nothing was published", row.Name), "")
	}
	return nil
}
