package sender

// classCount is how many classes of data objects there are; their ranks count from 0.
const classCount = 3

// Shares that the order between classes, and between repair and new data, leaves to whoever
// comes last: one byte for so many that go before.
const (
	lowerParts = 50
	newParts   = 16
	// dueBytes is how much a share must have come to before a symbol is sent for it.
	dueBytes = 1400
)

// schedule says which data object is next to have a symbol sent. The higher class goes first; but
// each lower one that has something to send gets one part in lowerParts of what goes before
// it, so that nothing starves.
type schedule struct {
	classes [classCount]passes
	// credit is, in bytes, what a class has been passed over for and not yet got.
	credit [classCount]float64
	added  uint64 // how many objects have been added
}

func newSchedule() schedule {
	var s schedule
	for rank := range s.classes {
		s.classes[rank].places = places[rank]
	}
	return s
}

// add takes in an object whose first pass is to do.
func (s *schedule) add(o *object) {
	s.added++
	o.added, o.left = s.added, int64(o.part.OTI().TransferLength)
	s.classes[o.priority.rank()].add(o)
}

// remove takes an object out, if it is there.
func (s *schedule) remove(o *object) { s.classes[o.priority.rank()].remove(o) }

// passing reports whether any first pass is not over.
func (s *schedule) passing() bool {
	for rank := range s.classes {
		if len(s.classes[rank].running) > 0 {
			return true
		}
	}
	return false
}

// each calls do with the objects whose first pass is not over, those that run before those that
// wait.
func (s *schedule) each(running bool, do func(*object)) {
	for rank := range s.classes {
		list := s.classes[rank].waiting
		if running {
			list = s.classes[rank].running
		}
		for _, o := range list {
			do(o)
		}
	}
}

// choose returns the class to send a symbol of, and whether there is one; has says which have
// something to send.
func (s *schedule) choose(has [classCount]bool) (rank int, ok bool) {
	for r := classCount - 1; r >= 0; r-- {
		if !has[r] {
			s.credit[r] = min(s.credit[r], 0) // nothing is saved up
			continue
		}
		if !ok || s.credit[rank] < dueBytes {
			rank, ok = r, true
		}
	}
	return rank, ok
}

// sent says that so many bytes of a class were sent.
func (s *schedule) sent(rank int, has [classCount]bool, bytes int) {
	for r := rank + 1; r < classCount; r++ {
		if has[r] {
			s.credit[r] += float64(bytes) / lowerParts
		}
	}
	for r := range rank {
		if has[r] { // it was due for its share
			s.credit[rank] -= float64(bytes)
			return
		}
	}
}
