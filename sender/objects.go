package sender

import (
	"slices"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// objects is the table of what is held.
type objects struct {
	table map[uint32]*object
	// order has the same objects as they were added, so that walking them is deterministic.
	order []*object
	// started is the newest data TOI whose first pass has begun.
	started uint32
}

func newObjects(started uint32) objects {
	return objects{table: make(map[uint32]*object), started: started}
}

// add takes an object in.
func (s *objects) add(o *object) {
	s.table[o.toi] = o
	s.order = append(s.order, o)
	if o.control == nil && o.sent {
		s.start(o.toi)
	}
}

// remove takes an object out.
func (s *objects) remove(o *object) {
	delete(s.table, o.toi)
	s.order = slices.DeleteFunc(s.order, func(x *object) bool { return x == o })
}

// start says that the first pass of a data object has begun. It reports whether none newer has.
func (s *objects) start(toi uint32) bool {
	if s.started != 0 && (toi == s.started || !newer(toi, s.started)) {
		return false
	}
	s.started = toi
	return true
}

// farSequence is a sequence with room on both sides, to compare TOIs near it.
const farSequence = 1 << 40

// newer reports whether the sequence of one TOI comes after that of another, less than half
// the numbering away.
func newer(toi, than uint32) bool {
	near := wire.Sequence(than, farSequence)
	return wire.Sequence(toi, near) > near
}

// idlest returns the object that was touched longest ago of those with nothing to send, nil if
// all have. repairing says which have repairs to send.
func (s *objects) idlest(repairing func(*object) bool) *object {
	var found *object
	for _, o := range s.order {
		if (found == nil || o.touched < found.touched) && !o.busy() && !repairing(o) {
			found = o
		}
	}
	return found
}

// expired appends to list the objects untouched since a time that have nothing to send.
func (s *objects) expired(list []*object, since mono.Time) []*object {
	for _, o := range s.order {
		if o.touched < since && !o.busy() {
			list = append(list, o)
		}
	}
	return list
}

// settle forgets where the groups of first passes ended that are over, or suspended, for long, before
// packet sequence numbers come round: nobody asks any more who has not seen the end.
func (s *objects) settle(now mono.Time) {
	for _, o := range s.order {
		if o.control == nil && !o.sent && now.Sub(o.moved) > repairKeep {
			o.pass.marks, o.pass.judged = nil, 0
		}
	}
}
