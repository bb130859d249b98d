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

// sent says that a report went out.
func (r *reporter) sent(now mono.Time, rng *rand.Rand) {
	r.last, r.jitter = now, rng.Float64()
	r.busy, r.requested = false, mono.Never
}
