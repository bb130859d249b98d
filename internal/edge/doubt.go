package edge

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"time"

	"fanfare/internal/mono"
)

// An origin whose directory was restored from an older copy does not know what it has forgotten.
// What it signs then does not fit what the edge has. But neither does what an attacker plays
// again, so the edge shows the origin over HTTP what that has signed, and believes its answer.

// Limits of doubt.
const (
	// doubtPause is between two doubts at least. It doubles while they prove to be unfounded, up to
	// doubtPause<<maxUnfounded.
	doubtPause   = time.Second
	maxUnfounded = 5
	// doubtAgain is how often an origin that was outdated is asked again if nothing is new.
	doubtAgain = 10 * time.Second
	// doubtSpread is over how long the requests of edges are spread, for each of them beyond
	// doubtAtOnce; all over no more than maxDoubtSpread.
	doubtSpread, maxDoubtSpread = 200 * time.Microsecond, 5 * time.Second
	doubtAtOnce                 = 64
)

// doubt is whether the origin's log is still the one that the edge follows, and what is kept to find
// out, and to take back. It decides when the origin is asked; its owner asks, and tells what came of
// it.
type doubt struct {
	rng *rand.Rand
	// suspected says that something did not fit since the origin was asked last; broken, that it was
	// a signed entry or head that contradicts those that are here.
	suspected, broken bool
	// outdated says that the origin itself found its log to lack what it has signed, sentence what
	// exactly.
	outdated bool
	sentence string
	// told says that the log of an edge that cannot ask has told that something does not fit.
	told bool
	// asking says that a request is under way; due is when the next one is.
	asking bool
	due    mono.Time
	// last is when the origin answered last; unfounded counts answers that all was well.
	last                mono.Time
	answered            bool
	unfounded, failures int

	// believed is the head in the last heartbeat that was believed; newest shows that the origin signed
	// feed.head: it is that, or the entry that it names; taken is the sender's instance when a head was
	// last taken.
	believed signedHead
	newest   []byte
	taken    uint64
	// fresh has the entries that were applied above the mark since the sender's last start: those to
	// withdraw if its log turns out not to be the edge's. A few more may be in it.
	fresh []uint64
}

// signedHead is a head as it was sent, with the sender's instance then.
type signedHead struct {
	raw      []byte
	instance uint64
}

func (h *signedHead) is(raw []byte, instance uint64) bool {
	return h.raw != nil && h.instance == instance && bytes.Equal(h.raw, raw)
}

func (h *signedHead) set(raw []byte, instance uint64) {
	h.raw, h.instance = append(h.raw[:0], raw...), instance
}

// applied notes an entry, until the mark has passed it.
func (d *doubt) applied(sequence, mark uint64) {
	if sequence <= mark {
		return
	}
	if len(d.fresh) == cap(d.fresh) {
		d.fresh = slices.DeleteFunc(d.fresh, func(s uint64) bool { return s <= mark })
	}
	d.fresh = append(d.fresh, sequence)
}

// holdsBack says that no entries are taken: what comes now is of another log, or may be. (A head
// played again does not do that.)
func (d *doubt) holdsBack() bool { return d.outdated || d.broken }

// suspect takes note of something that does not fit; edges is the size of the group.
func (d *doubt) suspect(now mono.Time, broken bool, edges int) {
	d.broken = d.broken || broken
	if d.suspected || d.outdated {
		return
	}
	d.suspected = true
	d.due = max(now.Add(d.spread(edges)), d.earliest())
}

// hurry takes note of a head that is new while the origin is outdated: perhaps it is no more.
func (d *doubt) hurry(now mono.Time, edges int) {
	if d.outdated {
		d.due = min(d.due, max(now.Add(d.spread(edges)), d.earliest()))
	}
}

func (d *doubt) spread(edges int) time.Duration {
	span := min(time.Duration(max(edges-doubtAtOnce, 0))*doubtSpread, maxDoubtSpread)
	return time.Duration(d.rng.Float64() * float64(span))
}

// earliest returns before when the origin is not asked again.
func (d *doubt) earliest() mono.Time {
	if !d.answered {
		return 0
	}
	return d.last.Add(doubtPause << min(d.unfounded, maxUnfounded))
}

// next returns when begin is to be called.
func (d *doubt) next() mono.Time {
	if d.asking || !d.suspected && !d.outdated {
		return mono.Never
	}
	return d.due
}

// begin reports whether it is time to ask, which it takes for done.
func (d *doubt) begin(now mono.Time) bool {
	if now < d.next() {
		return false
	}
	d.asking = true
	return true
}

// done takes the outcome. changed is true if d.outdated did.
func (d *doubt) done(now mono.Time, outdated bool, err error) (changed bool) {
	d.asking = false
	if err != nil {
		pause := min(minBackoff<<min(d.failures, 16), maxBackoff)
		d.failures++
		d.due = now.Add(pause/2 + time.Duration(d.rng.Int64N(int64(pause/2)+1)))
		return false
	}
	if d.answered && now.Sub(d.last) > time.Minute {
		d.unfounded = 0
	}
	changed = d.outdated != outdated
	d.suspected, d.broken, d.outdated = false, false, outdated
	d.last, d.answered, d.failures = now, true, 0
	if !outdated && !changed {
		d.unfounded++
	} else {
		d.unfounded = 0
	}
	d.due = now.Add(doubtAgain + time.Duration(d.rng.Int64N(int64(doubtAgain))))
	return changed
}
