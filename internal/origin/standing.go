package origin

import (
	"fanfare/control"
	"fanfare/internal/wire"
)

// standing is how what an edge has is related to this origin's log, by its report.
type standing uint8

const (
	// follows: what it has is a part of the log, as far as can be told.
	follows standing = iota
	// knowsMore: its catalogue is, but it has entries behind the head, or says so.
	knowsMore
	// strays: its catalogue is not; nothing else that it reports means anything here.
	strays
)

// standings finds out how edges stand. It belongs to the loop.
type standings struct {
	entries *entryLog
	// sequence and hash are of the entry looked up last: most edges are at the same one.
	sequence uint64
	hash     control.Hash
}

// of returns how the sender of a report stands to a log that ends at head.
func (s *standings) of(r *wire.Report, head uint64) standing {
	switch {
	case r == nil:
		return follows
	case r.Mark > head || r.Mark > 0 && !s.has(r.Mark, r.MarkHash):
		return strays
	case r.Newest > head:
		return knowsMore
	}
	return follows
}

// has reports whether an entry of the log has that hash; true if it cannot be read.
func (s *standings) has(sequence uint64, hash [wire.MarkHashLength]byte) bool {
	if s.sequence != sequence {
		raw, err := s.entries.entry(sequence)
		if err != nil {
			return true
		}
		s.sequence, s.hash = sequence, control.HashEntry(raw)
	}
	return [wire.MarkHashLength]byte(s.hash[:]) == hash
}
