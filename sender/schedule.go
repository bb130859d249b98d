package sender

import (
	"slices"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// classCount is how many classes of data objects there are; their ranks count from 0.
const classCount = 3

// places is how many first passes of each class take turns at a time. Together they are as many
// as a heartbeat can tell the positions of.
var places = [classCount]int{2, 4, wire.MaxPositions - 6}

// Shares that the order between classes, and between repair and new data, leaves to whoever
// comes last: one byte for so many that go before.
const (
	lowerParts = 50
	newParts   = 16
	// dueBytes is how much a share must have come to before a symbol is sent for it.
	dueBytes = 1400
)

// turnBytes is the longest turn of an object among those of its class; it is trainTime of the
// rate if that is less, but one symbol at least.
const turnBytes = 16 << 10

// schedule says which data object is next to have a symbol sent. The higher class goes first; but
// each lower one that has something to send gets one part in lowerParts of what goes before
// it, so that nothing starves.
type schedule struct {
	classes [classCount]class
	// credit is, in bytes, what a class has been passed over for and not yet got.
	credit [classCount]float64
	added  uint64 // objects so far
}

// class holds the first passes of one class that are not over.
//
// Up to places of them run: they take turns, of equally many bytes. The others wait. One that
// runs is always the oldest, so that each object has its time; the other places belong to
// those with the least left to send, for which an object with more is suspended. So nobody waits
// for one that is larger than itself, and large ones share the rate.
type class struct {
	places  int
	running []*object
	waiting []*object // as they were added
	turn    int       // index in running of the one whose turn it is
	spent   int       // bytes of this turn
	// credit is, in bytes, what new data has been passed over for by repairs; passNext says whose
	// turn it is between bulk repair and new data.
	credit   float64
	passNext bool
}

func newSchedule() schedule {
	var s schedule
	for rank := range s.classes {
		s.classes[rank].places = places[rank]
	}
	return s
}

// add takes an object in whose first pass is to do.
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

// add takes an object in.
func (c *class) add(o *object) {
	if len(c.running) < c.places {
		c.run(o)
		return
	}
	if i := c.largest(); i >= 0 && c.running[i].left > o.left {
		c.suspend(i)
		c.run(o)
		return
	}
	c.waiting = append(c.waiting, o)
}

// largest returns the index of the running object with the most left to send but for the oldest,
// -1 if there is none.
func (c *class) largest() int {
	oldest, found := c.oldest(), -1
	for i, o := range c.running {
		if o != oldest && (found < 0 || o.left >= c.running[found].left) {
			found = i
		}
	}
	return found
}

// oldest returns the object that was added first, nil if there is none.
func (c *class) oldest() *object {
	var oldest *object
	if len(c.waiting) > 0 {
		oldest = c.waiting[0]
	}
	for _, o := range c.running {
		if oldest == nil || o.added < oldest.added {
			oldest = o
		}
	}
	return oldest
}

// suspend moves a running object to those that wait.
func (c *class) suspend(i int) {
	o := c.running[i]
	c.leave(i)
	at := len(c.waiting)
	for at > 0 && c.waiting[at-1].added > o.added {
		at--
	}
	c.waiting = slices.Insert(c.waiting, at, o)
}

// leave takes a running object out; if it was its turn the next one's begins.
func (c *class) leave(i int) {
	c.running = slices.Delete(c.running, i, i+1)
	if i < c.turn {
		c.turn--
	} else if i == c.turn {
		c.spent = 0
	}
	if c.turn >= len(c.running) {
		c.turn = 0
	}
}

// remove takes an object out, and lets another run in its place.
func (c *class) remove(o *object) {
	if i := slices.Index(c.running, o); i >= 0 {
		c.leave(i)
		c.admit()
	} else if i := slices.Index(c.waiting, o); i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
}

// admit lets one that waits run, if any does: the oldest of all if it is among them, or else
// the one with the least left to send, the older of equals.
func (c *class) admit() {
	if len(c.waiting) == 0 {
		return
	}
	best := 0
	if c.oldest() != c.waiting[0] {
		for i, o := range c.waiting {
			if o.left < c.waiting[best].left {
				best = i
			}
		}
	}
	o := c.waiting[best]
	c.waiting = slices.Delete(c.waiting, best, best+1)
	c.run(o)
}

// run lets an object take turns. Its first comes after those of all others, or ever new ones
// would keep the others waiting.
func (c *class) run(o *object) {
	if len(c.running) > 0 {
		c.running = slices.Insert(c.running, c.turn, o)
		c.turn++
		return
	}
	c.running, c.turn, c.spent = append(c.running, o), 0, 0
}

// next returns the object whose turn it is, nil if none runs.
func (c *class) next() *object {
	if len(c.running) == 0 {
		return nil
	}
	return c.running[c.turn]
}

// sent says that bytes of the object that next returned went out; turn is how long a turn is.
func (c *class) sent(bytes, turn int) {
	c.running[c.turn].left -= int64(bytes)
	c.spent += bytes
	if c.spent >= turn {
		c.spent = 0
		c.turn = (c.turn + 1) % len(c.running)
	}
}

// nextSymbol fills in the next symbol of a data object.
func (e *Engine) nextSymbol(now mono.Time, p *wire.Packet) bool {
	s := &e.schedule
	e.repairs.hold.holding = false
	var has [classCount]bool
	for r := range has {
		has[r] = len(s.classes[r].running) > 0 || e.repairs.next(r) != nil
	}
	for {
		rank, ok := s.choose(has)
		if !ok {
			return false
		}
		if e.nextOfClass(now, p, rank) {
			s.sent(rank, has, int(p.OTI.SymbolLength))
			return true
		}
		has[rank] = false
	}
}

// nextOfClass fills in the next symbol of a class: repair before new data, of which at least one
// part in newParts is left. But blocks of which much is asked for take turns with new data, so
// that neither waits for all of the other: one block, then one group of a first pass. (Not symbol
// by symbol: an account tells only a few runs of transmissions apart.)
func (e *Engine) nextOfClass(now mono.Time, p *wire.Packet, rank int) bool {
	c := &e.schedule.classes[rank]
	b := e.repairs.next(rank)
	switch {
	case b == nil || len(c.running) == 0:
		c.credit = 0
	case b.list == &e.repairs.queues[rank].bulk:
		if !c.passNext {
			c.passNext = b.outstanding() == 1 || b.turn+1 >= max(b.k, bulkLeast)
		} else if o, ok := e.nextPass(now, p, c); ok {
			c.passNext = o.pass.width != 0
			return true
		}
	case c.credit >= dueBytes:
		if _, ok := e.nextPass(now, p, c); ok {
			c.credit -= float64(p.OTI.SymbolLength)
			return true
		}
	default:
		c.credit += float64(b.object.part.OTI().SymbolLength) / newParts
	}
	if b != nil {
		e.nextRepair(now, p, b)
		return true
	}
	_, ok := e.nextPass(now, p, c)
	return ok
}

// nextPass fills in the next symbol of a first pass of a class, and returns its object.
func (e *Engine) nextPass(now mono.Time, p *wire.Packet, c *class) (*object, bool) {
	o := c.next()
	if o == nil || o.pass.between() && e.repairs.hold.holds(now, e.grtt.estimate()) {
		return nil, false
	}
	if e.objects.start(o.toi) {
		e.progress.stale = true
	}
	if o.pass.between() {
		e.beginGroup(now, o, max(e.interleave(o)/len(c.running), 1))
	}
	sbn, esi := o.pass.next()
	o.fill(p, sbn, esi)
	p.HasOTI = tellsOTI(o.pass.turn)
	o.pass.sent(now, p.PacketSequence)
	o.touched, o.moved = now, now
	e.class = ClassBulk
	if esi < int(p.SourceBlockLength) {
		e.stats.SourceSymbolsSent++
	} else {
		e.stats.ProactiveSymbolsSent++
		if o.pass.start == 0 {
			e.class = ClassRepair
		}
	}
	c.sent(int(p.OTI.SymbolLength), e.pacer.bytes(trainTime, turnBytes))
	if o.pass.done() {
		e.passed(now, o)
	} else if o.pass.between() && len(e.edges.table) <= promptEdges {
		e.beat.prompt()
	}
	return o, true
}
