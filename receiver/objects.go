package receiver

import (
	"slices"

	"fanfare/internal/wire"
)

// objects is the table of objects that are not whole, and the memory of those that were.
type objects struct {
	table map[uint32]*object
	// order has them oldest sequence first, control objects before data objects.
	order []*object
	// last is the object of the last packet.
	last *object
	// runs counts those of whole and poisoned blocks of all objects.
	runs int
	// unexpected counts those that are not expected.
	unexpected int
	// over are TOIs that are whole or were forgotten; ring has them in a ring, next is the
	// oldest when it is full.
	over map[uint32]struct{}
	ring []uint32
	next int
}

// maxOver is how many TOIs are remembered as over. Late repairs and copies of a control
// object come within seconds.
const maxOver = 4096

func newObjects() objects {
	return objects{table: make(map[uint32]*object), over: make(map[uint32]struct{})}
}

// find returns an object, nil if it is not held.
func (s *objects) find(toi uint32) *object {
	if s.last != nil && s.last.toi == toi {
		return s.last
	}
	o := s.table[toi]
	if o != nil {
		s.last = o
	}
	return o
}

// add takes an object in.
func (s *objects) add(o *object) {
	s.table[o.toi] = o
	o.whole.total, o.poisoned.total = &s.runs, &s.runs
	if !o.expected {
		s.unexpected++
	}
	i, _ := slices.BinarySearchFunc(s.order, o.toi, func(x *object, toi uint32) int { return older(x.toi, toi) })
	s.order = slices.Insert(s.order, i, o)
}

// expect notes that an object is expected.
func (s *objects) expect(o *object) {
	if !o.expected {
		o.expected = true
		s.unexpected--
	}
}

// remove takes an object out.
func (s *objects) remove(o *object) {
	delete(s.table, o.toi)
	o.whole.leave()
	o.poisoned.leave()
	if !o.expected {
		s.unexpected--
	}
	if s.last == o {
		s.last = nil
	}
	s.order = slices.DeleteFunc(s.order, func(x *object) bool { return x == o })
}

// finish remembers that a TOI is over.
func (s *objects) finish(toi uint32) {
	if s.isOver(toi) {
		return
	}
	s.over[toi] = struct{}{}
	if len(s.ring) < maxOver {
		s.ring = append(s.ring, toi)
		return
	}
	delete(s.over, s.ring[s.next])
	s.ring[s.next] = toi
	s.next = (s.next + 1) % maxOver
}

// revive forgets that a TOI is over.
func (s *objects) revive(toi uint32) {
	if !s.isOver(toi) {
		return
	}
	delete(s.over, toi)
	// The ring keeps its order from next on, so it is turned before it gets shorter.
	s.ring = append(slices.Clone(s.ring[s.next:]), s.ring[:s.next]...)
	s.next = 0
	s.ring = slices.DeleteFunc(s.ring, func(x uint32) bool { return x == toi })
}

func (s *objects) isOver(toi uint32) bool {
	_, ok := s.over[toi]
	return ok
}

// older compares the age of two TOIs: negative if a comes before b.
func older(a, b uint32) int {
	switch {
	case a == b:
		return 0
	case wire.IsData(a) != wire.IsData(b):
		if wire.IsData(b) {
			return -1
		}
		return 1
	case newer(b, a):
		return -1
	}
	return 1
}

// newer reports whether the sequence of one TOI comes after that of another, less than half
// the numbering away.
func newer(toi, than uint32) bool {
	const far = 1 << 40 // leaves room on both sides
	near := wire.Sequence(than, far)
	return wire.Sequence(toi, near) > near
}
