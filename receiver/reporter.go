package receiver

import (
	"math/rand/v2"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// reporter decides when a report is due: regularly, and soon when the loop has news. The sender's
// hint says how rarely, so that the reports of all receivers together stay within their share of
// the rate.
type reporter struct {
	started bool
	// hint is the sender's report interval, clamped; edges is the size of the group.
	hint  time.Duration
	edges int
	// busy says that symbols came since the last report.
	busy bool
	// interval is that of regular reports, next when one is due, last when one was sent. jitter
	// stretches intervals by up to a half, so that receivers do not fall in step.
	interval   time.Duration
	next, last mono.Time
	jitter     float64

	// requested is when a report was asked for, or Never; delay is where in the spread it is
	// due, from 0 to 1. first says that it is the first to this sender.
	requested mono.Time
	delay     float64
	first     bool
	// paid is until when reports of news have used up their share.
	paid mono.Time
	// news is the counter of the last report sent since there was news that the sender has not
	// acknowledged; 0: there is none. It went out at newsSent, and is repeated at most
	// newsRepeats times.
	news     uint64
	newsSent mono.Time
	repeats  int
}

const (
	// idleInterval is the least interval of regular reports while no symbols come.
	idleInterval = 2 * time.Second
	// intervalPerEdge makes up for a hint that the sender did not give: at most 200 a second.
	intervalPerEdge = 5 * time.Millisecond
	// newsInterval is the least between two reports of news of one receiver. In groups of up to
	// wire.BackoffGroup it can tell newsBurst times without regard to the hint.
	newsInterval = 5 * time.Millisecond
	newsBurst    = 8
	// firstSpread is over how long the first reports are spread at least.
	firstSpread = 20 * time.Millisecond
	// newsRepeats times at most is a report repeated that told news and was not acknowledged. It
	// took a receipt that was lost from two seconds to some round trips.
	newsRepeats = 6
)

func newReporter() reporter { return reporter{requested: mono.Never, next: mono.Never} }

// start says that the sender was heard for the first time: the first report is due soon.
func (r *reporter) start(now mono.Time, rng *rand.Rand) {
	r.started, r.first = true, true
	r.jitter, r.interval = rng.Float64(), r.regular()
	r.next = now.Add(r.stretched(r.interval))
	r.requested, r.delay = min(r.requested, now), rng.Float64()
}

// follow takes the hints of a heartbeat. What is due later moves as the interval does, so that
// neither all receivers report at once when the group gets smaller, nor too many when it grows.
func (r *reporter) follow(now mono.Time, hint time.Duration, edges int) {
	if hint <= 0 {
		hint = time.Duration(edges) * intervalPerEdge
	}
	r.hint, r.edges = min(hint, wire.MaxReportInterval), edges
	r.rescale(now)
}

// receive says that a symbol came.
func (r *reporter) receive(now mono.Time) {
	if !r.busy {
		r.busy = true
		r.rescale(now)
	}
}

// regular returns the interval of regular reports as it should be now.
func (r *reporter) regular() time.Duration {
	if r.busy {
		return max(wire.BusyReportInterval, r.hint)
	}
	return max(idleInterval, r.hint)
}

// rescale moves the next regular report in proportion to the change of the interval.
func (r *reporter) rescale(now mono.Time) {
	interval := r.regular()
	if !r.started || interval == r.interval {
		return
	}
	if left := r.next.Sub(now); left > 0 {
		r.next = now.Add(time.Duration(float64(left) * float64(interval) / float64(r.interval)))
	}
	r.interval = interval
}

func (r *reporter) stretched(d time.Duration) time.Duration {
	return d + time.Duration(r.jitter/2*float64(d))
}

// request asks for a report soon.
func (r *reporter) request(now mono.Time, rng *rand.Rand) {
	if r.requested == mono.Never {
		r.requested, r.delay = now, rng.Float64()
	}
}

// due returns when the next report is due.
func (r *reporter) due() mono.Time {
	if !r.started {
		return mono.Never
	}
	return min(r.next, r.newsDue())
}

// newsDue returns when a report that was asked for is due. In a small group that is at once, as
// long as the receiver does not use up its share. In a large one it is spread over an interval,
// and never sooner than an interval after the last.
func (r *reporter) newsDue() mono.Time {
	if r.requested == mono.Never {
		return mono.Never
	}
	var spread time.Duration
	earliest := max(r.last.Add(newsInterval), r.paid-mono.Time((newsBurst-1)*r.cost()))
	if r.edges > wire.BackoffGroup {
		spread, earliest = r.hint, r.last.Add(r.stretched(r.hint))
	}
	if r.first {
		spread, earliest = max(spread, firstSpread), 0
	}
	return max(r.requested.Add(time.Duration(r.delay*float64(spread))), earliest)
}

// cost is how long a receiver saves for one report of news.
func (r *reporter) cost() time.Duration { return max(newsInterval, r.hint) }

// sent says that a report went out in the message of that counter.
func (r *reporter) sent(now mono.Time, rng *rand.Rand, counter uint64) {
	if r.requested != mono.Never {
		r.news = counter
		if !r.first {
			r.paid = max(r.paid, now).Add(r.cost())
		}
	}
	if r.news != 0 {
		r.news, r.newsSent = counter, now
	}
	r.busy, r.first, r.requested = false, false, mono.Never
	r.last, r.jitter, r.interval = now, rng.Float64(), r.regular()
	r.next = now.Add(r.stretched(r.interval))
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
func (r *reporter) heartbeat(now mono.Time, roundTrip time.Duration, rng *rand.Rand) {
	if r.news == 0 || r.requested != mono.Never || now.Sub(r.newsSent) <= roundTrip {
		return
	}
	if r.repeats >= newsRepeats || r.edges > wire.BackoffGroup {
		r.news, r.repeats = 0, 0
		return
	}
	r.repeats++
	r.request(now, rng)
}
