package origin

import (
	"cmp"
	"slices"

	"fanfare/internal/wire"
	"fanfare/sender"
)

// passingBundles is how many bundles of each class the engine holds at a time before their first
// pass is over; together half of what it can hold, so that repairs always find room.
const passingBundles = 680

// backlog is the bundles on their way to the engine, and those there whose first pass is not
// over. Each class has its own queue, so that an urgent bundle waits behind urgent ones alone.
type backlog struct {
	queues  [sender.Background + 1][]outgoing // each ascending by sequence
	passing map[uint32]sender.Priority
	counts  [sender.Background + 1]int // of passing
}

// classOrder has the classes, what goes first before the rest.
var classOrder = [...]sender.Priority{sender.Urgent, sender.Normal, sender.Background}

func newBacklog() backlog { return backlog{passing: make(map[uint32]sender.Priority)} }

// push takes in a bundle that is newer than all others.
func (b *backlog) push(o outgoing) {
	b.queues[o.info.Priority] = append(b.queues[o.info.Priority], o)
}

// next returns the bundle to hand to the engine, and whether there is one that it has room for.
func (b *backlog) next() (o outgoing, ok bool) {
	for _, p := range classOrder {
		if len(b.queues[p]) > 0 && b.counts[p] < passingBundles {
			return b.queues[p][0], true
		}
	}
	return outgoing{}, false
}

// enter says that the engine is about to take what next returned.
func (b *backlog) enter(o outgoing) {
	p := o.info.Priority
	b.queues[p] = shift(b.queues[p])
	b.passing[o.info.TOI] = p
	b.counts[p]++
}

// refused takes back what enter said.
func (b *backlog) refused(o outgoing) {
	b.passed(o.info.TOI)
	b.queues[o.info.Priority] = slices.Insert(b.queues[o.info.Priority], 0, o)
}

// passed says that a first pass is over, or will not be.
func (b *backlog) passed(toi uint32) {
	if p, ok := b.passing[toi]; ok {
		delete(b.passing, toi)
		b.counts[p]--
	}
}

// cancel forgets a bundle.
func (b *backlog) cancel(sequence uint64) {
	b.passed(wire.DataTOI(sequence))
	for p := range b.queues {
		if i, ok := b.find(p, sequence); ok {
			b.queues[p] = slices.Delete(b.queues[p], i, i+1)
		}
	}
}

// waits reports whether a bundle has not been handed to the engine.
func (b *backlog) waits(sequence uint64) bool {
	for p := range b.queues {
		if _, ok := b.find(p, sequence); ok {
			return true
		}
	}
	return false
}

// holds reports whether the first pass of a bundle is still to do, or going on.
func (b *backlog) holds(sequence uint64) bool {
	_, passing := b.passing[wire.DataTOI(sequence)]
	return passing || b.waits(sequence)
}

func (b *backlog) find(p int, sequence uint64) (int, bool) {
	return slices.BinarySearchFunc(b.queues[p], sequence, func(o outgoing, s uint64) int { return cmp.Compare(o.sequence, s) })
}

// span returns the TOIs of the oldest and the newest bundle that waits, zeros if none does.
func (b *backlog) span() (first, last uint32) {
	var oldest, newest uint64
	for _, q := range b.queues {
		if len(q) > 0 && (oldest == 0 || q[0].sequence < oldest) {
			oldest = q[0].sequence
		}
		if len(q) > 0 {
			newest = max(newest, q[len(q)-1].sequence)
		}
	}
	if oldest == 0 {
		return 0, 0
	}
	return wire.DataTOI(oldest), wire.DataTOI(newest)
}

// length returns how many bundles wait, or are in their first pass.
func (b *backlog) length() int {
	n := len(b.passing)
	for _, q := range b.queues {
		n += len(q)
	}
	return n
}
