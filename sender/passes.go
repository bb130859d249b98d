package sender

import (
	"slices"

	"fanfare/internal/wire"
)

// places is how many first passes of each class take turns at a time. Together they are as many
// as a heartbeat can tell the positions of.
var places = [classCount]int{2, 4, wire.MaxPositions - 6}

// turnBytes is the longest turn of an object among those of its class; it is trainTime of the
// rate if that is less, but one symbol at least.
const turnBytes = 16 << 10

// passes holds the first passes of one class that are not over.
//
// Up to places of them run: they take turns, of equally many bytes. The others wait. One that
// runs is always the oldest, so that each object has its time; the other places belong to
// those with the least left to send, for which an object with more is suspended. So nobody waits
// for one that is larger than itself, and large ones share the rate.
type passes struct {
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

// add takes an object in.
func (c *passes) add(o *object) {
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
func (c *passes) largest() int {
	oldest, found := c.oldest(), -1
	for i, o := range c.running {
		if o != oldest && (found < 0 || o.left >= c.running[found].left) {
			found = i
		}
	}
	return found
}

// oldest returns the object that was added first, nil if there is none.
func (c *passes) oldest() *object {
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
func (c *passes) suspend(i int) {
	o := c.running[i]
	c.leave(i)
	at := len(c.waiting)
	for at > 0 && c.waiting[at-1].added > o.added {
		at--
	}
	c.waiting = slices.Insert(c.waiting, at, o)
}

// leave takes a running object out; if it was its turn the next one's begins.
func (c *passes) leave(i int) {
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
func (c *passes) remove(o *object) {
	if i := slices.Index(c.running, o); i >= 0 {
		c.leave(i)
		c.admit()
	} else if i := slices.Index(c.waiting, o); i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
}

// admit lets one that waits run, if any does: the oldest of all if it is among them, or else
// the one with the least left to send, the older of equals.
func (c *passes) admit() {
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
func (c *passes) run(o *object) {
	if len(c.running) > 0 {
		c.running = slices.Insert(c.running, c.turn, o)
		c.turn++
		return
	}
	c.running, c.turn, c.spent = append(c.running, o), 0, 0
}

// next returns the object whose turn it is, nil if none runs.
func (c *passes) next() *object {
	if len(c.running) == 0 {
		return nil
	}
	return c.running[c.turn]
}

// sent says that bytes of the object that next returned went out; turn is how long a turn is.
func (c *passes) sent(bytes, turn int) {
	c.running[c.turn].left -= int64(bytes)
	c.spent += bytes
	if c.spent >= turn {
		c.spent = 0
		c.turn = (c.turn + 1) % len(c.running)
	}
}
