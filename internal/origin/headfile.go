package origin

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

const (
	headName = "head"
	// headDigits is how long the number in the file is; then one write changes it.
	headDigits = 20
)

// headFile has the sequence that the log was seen to reach. It is written without sync, after
// the log is durable, so it is never ahead. The log's database takes a record that it cannot
// read for the end of what was written; only this file tells that there was more.
type headFile struct{ file *os.File }

// openHeadFile opens the file in an origin's directory, or makes it. reached is 0 if it says
// nothing.
func openHeadFile(dir string) (h *headFile, reached uint64, err error) {
	file, err := os.OpenFile(filepath.Join(dir, headName), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, 0, fmt.Errorf("origin: head: %w", err)
	}
	text := make([]byte, headDigits+1)
	n, _ := file.ReadAt(text, 0) // what cannot be read says nothing
	// A power failure may have left anything; then it says nothing, too.
	reached, _ = strconv.ParseUint(string(bytes.TrimSpace(text[:n])), 10, 64)
	return &headFile{file}, reached, nil
}

// note says that the log has reached a sequence. The next start does without if it fails.
func (h *headFile) note(sequence uint64) error {
	if _, err := h.file.WriteAt(fmt.Appendf(nil, "%0*d\n", headDigits, sequence), 0); err != nil {
		return fmt.Errorf("origin: head: %w", err)
	}
	return nil
}

func (h *headFile) close() error { return h.file.Close() }

// checkReached opens the head file and compares it with the log as replayed.
func (o *Origin) checkReached() error {
	var reached uint64
	var err error
	if o.reached, reached, err = openHeadFile(o.dir); err != nil {
		return err
	}
	if reached > o.head.Sequence {
		return fmt.Errorf("%s: the log ends at entry %d, but had reached entry %d: it is damaged; put back a copy of the whole directory, or make a new origin",
			filepath.Join(o.dir, logName), o.head.Sequence, reached)
	}
	o.noteReached()
	return nil
}

// noteReached notes the head. The caller holds appending, or is alone.
func (o *Origin) noteReached() {
	if err := o.reached.note(o.head.Sequence); err != nil {
		o.log.Warn("how far the log has got cannot be noted", "error", err)
	}
}
