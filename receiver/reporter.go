package receiver

import (
	"math/rand/v2"
	"time"

	"fanfare/internal/mono"
)

// reporter decides when a report is due: regularly, and soon when the loop has news.
type reporter struct {
	started bool
	last    mono.Time
	// busy says that symbols came since the last report.
	busy bool
	// jitter stretches the interval by up to a half, so that receivers do not fall in step.
	jitter float64
	// requested is when a report asked for is due, or Never.
	requested mono.Time
	// news is the counter of the last report sent since there was news that the sender has not
	// acknowledged; 0: there is none. It went out at newsSent, and is repeated at most
	// newsRepeats times.
	news     uint64
	newsSent mono.Time
	repeats  int
}

const (
	busyInterval = 250 * time.Millisecond
	idleInterval = 2 * time.Second
	// intervalPerEdge keeps the sum of all reports below 200 a second.
	intervalPerEdge = 5 * time.Millisecond
	// requestSpread is over how long reports asked for are spread, for each edge of a group
	// larger than backoffGroup; requestInterval is the least between two of one receiver.
	requestSpread   = time.Millisecond
	requestInterval = 5 * time.Millisecond
	firstSpread     = 20 * time.Millisecond
	// newsRepeats times at most is a report repeated that told news and was not acknowledged. It
	// took a receipt that was lost from two seconds to some round trips.
	newsRepeats = 6
)

// start says that the sender was heard for the first time: the first report is due soon.
func (r *reporter) start(now mono.Time, rng *rand.Rand, edges int) {
	r.started = true
	r.last, r.jitter = now, rng.Float64()
	spread := max(firstSpread, time.Duration(edges)*requestSpread)
	r.requested = min(r.requested, now.Add(time.Duration(rng.Float64()*float64(spread))))
}

// request asks for a report soon.
func (r *reporter) request(now mono.Time, rng *rand.Rand, edges int) {
	var spread time.Duration
	if edges > backoffGroup {
		spread = time.Duration(rng.Float64() * float64(edges) * float64(requestSpread))
	}
	r.requested = min(r.requested, max(now, r.last.Add(requestInterval)).Add(spread))
}

// due returns when the next report is due.
func (r *reporter) due(edges int) mono.Time {
	if !r.started {
		return mono.Never
	}
	interval := idleInterval
	if r.busy {
		interval = busyInterval
	}
	interval = max(interval, time.Duration(edges)*intervalPerEdge)
	interval += time.Duration(r.jitter / 2 * float64(interval))
	return min(r.requested, r.last.Add(interval))
}

// sent says that a report went out in the message of that counter.
func (r *reporter) sent(now mono.Time, rng *rand.Rand, counter uint64) {
	if r.requested != mono.Never {
		r.news = counter
	}
	if r.news != 0 {
		r.news, r.newsSent = counter, now
	}
	r.last, r.jitter = now, rng.Float64()
	r.busy, r.requested = false, mono.Never
}

// echo takes the acknowledgment of a message.
func (r *reporter) echo(counter uint64) {
	if r.news != 0 && counter == r.news {
		r.news, r.repeats = 0, 0
	}
}

// heartbeat takes note of one that was heard: if news sent more than a round trip ago has not
// been acknowledged, it is told again. In large groups, where a heartbeat has no room for every
// acknowledgment, the next regular report tells.
func (r *reporter) heartbeat(now mono.Time, roundTrip time.Duration, rng *rand.Rand, edges int) {
	if r.news == 0 || r.requested != mono.Never || now.Sub(r.newsSent) <= roundTrip {
		return
	}
	if r.repeats >= newsRepeats || edges > backoffGroup {
		r.news, r.repeats = 0, 0
		return
	}
	r.repeats++
	r.request(now, rng, edges)
}
