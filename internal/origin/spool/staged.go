package spool

import (
	"errors"
	"fmt"
	"io"
	"os"

	"fanfare/control"
	"fanfare/fec"
	"fanfare/internal/api"
)

// Staged is a bundle that is written, and durable unless it is to go into the log, but has no number
// and is not published.
type Staged struct {
	// Publish is what the entry says of it, Manifest what it holds.
	Publish  control.Publish
	Manifest control.Manifest

	path    string
	logged  bool   // it goes into the log
	content []byte // all of a bundle that goes into the log, if it is in memory; else nil
}

// bytes returns all of a bundle that goes into the log.
func (s *Staged) bytes() ([]byte, error) {
	content := s.content
	if content == nil {
		var err error
		if content, err = os.ReadFile(s.path); err != nil {
			return nil, fmt.Errorf("spool: %w", err)
		}
	}
	if uint64(len(content)) != s.Publish.OTI.TransferLength {
		return nil, fmt.Errorf("spool: %s: %w", s.path, errDamaged)
	}
	return content, nil
}

// fillBundle writes a whole bundle into a staged file.
func fillBundle(file *os.File, objects []control.Object, oti fec.OTI, bodies io.Reader) (*Staged, error) {
	w, err := layBundle(file, objects, oti)
	if err != nil {
		return nil, err
	}
	defer w.ahead.Wait()
	source := &markedReader{r: bodies}
	err = w.copyFrom(source)
	if source.err != nil {
		return nil, truncated(source.err)
	} else if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, truncated(err)
	} else if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	s, err := w.finish()
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return s, nil
}

// layBundle is newBundle with errors for a publisher.
func layBundle(file *os.File, objects []control.Object, oti fec.OTI) (*bundleWriter, error) {
	w, err := newBundle(file, objects, oti)
	if errors.Is(err, control.ErrManifest) || errors.Is(err, control.ErrEntry) {
		return nil, api.BadRequest(err, "")
	} else if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return w, nil
}

// syncStaged makes a staged file durable, and closes it.
func syncStaged(file *os.File) error {
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("%w: spool: %w", ErrSync, err)
	}
	return nil
}

// markedReader keeps the error of reading apart from that of writing.
type markedReader struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (m *markedReader) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	return n, err
}
