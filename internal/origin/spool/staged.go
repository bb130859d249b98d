package spool

import (
	"fmt"
	"os"

	"fanfare/control"
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
