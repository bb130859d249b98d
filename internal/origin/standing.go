package origin

import (
	"fanfare/control"
	"fanfare/internal/origin/edges"
	"fanfare/internal/wire"
)

// standings finds out how edges stand. It belongs to the loop.
type standings struct {
	entries *entryLog
	// sequence and hash are of the entry looked up last: most edges are at the same one.
	sequence uint64
	hash     control.Hash
}

// of returns how the sender of a report stands to a log that ends at head.
func (s *standings) of(r *wire.Report, head uint64) edges.Standing {
	switch {
	case r == nil:
		return edges.Follows
	case r.Mark > head || r.Mark > 0 && !s.has(r.Mark, r.MarkHash):
		return edges.Strays
	case r.Newest > head:
		return edges.KnowsMore
	}
	return edges.Follows
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
