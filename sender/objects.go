package sender

import (
	"slices"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// objects is the table of what is held, and the queue of first passes.
type objects struct {
	table map[uint32]*object
	// order has the same objects as they were added, so that walking them is deterministic.
	order []*object
	// passes are the data objects whose first pass is not over, by class, in the order of Add.
	passes []*object
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
	switch {
	case o.control != nil:
	case o.sent:
		s.start(o.toi)
	default:
		i := len(s.passes)
		for i > 0 && s.passes[i-1].priority.rank() > o.priority.rank() {
			i--
		}
		s.passes = slices.Insert(s.passes, i, o)
	}
}

// remove takes an object out.
func (s *objects) remove(o *object) {
	delete(s.table, o.toi)
	same := func(x *object) bool { return x == o }
	s.order = slices.DeleteFunc(s.order, same)
	s.passes = slices.DeleteFunc(s.passes, same)
}

// pass returns the object whose first pass is going on, nil if there is none.
func (s *objects) pass() *object {
	if len(s.passes) == 0 {
		return nil
	}
	return s.passes[0]
}

// start says that the first pass of a data object has begun.
func (s *objects) start(toi uint32) {
	if s.started == 0 || newer(toi, s.started) {
		s.started = toi
	}
}

// newer reports whether the sequence of one TOI comes after that of another, less than half
// the numbering away.
func newer(toi, than uint32) bool {
	const far = 1 << 40 // leaves room on both sides
	near := wire.Sequence(than, far)
	return wire.Sequence(toi, near) > near
}

// positions appends where the first passes stand: of the first object, and of others that
// receivers would take for sent because a newer one has begun.
func (s *objects) positions(list []wire.Position) []wire.Position {
	for i, o := range s.passes[:min(len(s.passes), wire.MaxPositions)] {
		if i == 0 || s.started != 0 && !newer(o.toi, s.started) {
			list = append(list, wire.Position{TOI: o.toi, SBN: o.pass.position})
		}
	}
	return list
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

// settle forgets where the groups of old first passes ended, before packet sequence numbers
// come round: nobody asks any more who has not seen the end.
func (s *objects) settle(now mono.Time) {
	for _, o := range s.order {
		if o.control == nil && !o.sent && o.pass.done() && now.Sub(o.passed) > repairKeep {
			o.pass.marks = nil
		}
	}
}
