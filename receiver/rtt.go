package receiver

import (
	"time"

	"fanfare/internal/mono"
)

// rtt measures this receiver's own round trip: the sender's heartbeats acknowledge its
// feedback.
type rtt struct {
	sent [16]struct {
		counter uint64
		at      mono.Time
	}
	next int
	// smoothed and variation are as in RFC 6298 §2, but for a variation that begins at 0.
	smoothed, variation time.Duration
	// acknowledged is the highest counter that the sender is known to have.
	acknowledged uint64
}

const (
	// rttMargin is the least that a round trip is waited for beyond its smoothed length.
	rttMargin = 200 * time.Microsecond
	maxRTT    = 10 * time.Second
)

// send notes when a feedback message went out.
func (r *rtt) send(now mono.Time, counter uint64) {
	r.sent[r.next].counter, r.sent[r.next].at = counter, now
	r.next = (r.next + 1) % len(r.sent)
}

// echo takes the acknowledgment of a message that the sender held for a while.
func (r *rtt) echo(now mono.Time, counter uint64, held time.Duration) {
	for _, s := range r.sent {
		if s.counter != counter || counter == 0 {
			continue
		}
		r.acknowledged = max(r.acknowledged, counter)
		sample := now.Sub(s.at) - held
		if held < 0 || sample < 0 || sample > maxRTT {
			return
		}
		if r.smoothed == 0 {
			r.smoothed = max(sample, 1)
			return
		}
		r.variation += ((sample - r.smoothed).Abs() - r.variation) / 4
		r.smoothed += (sample - r.smoothed) / 8
		return
	}
}

// wait returns how long after an ask its effect must show in a heartbeat. hint is the group's
// round trip, for as long as there is no measurement.
func (r *rtt) wait(hint time.Duration) time.Duration {
	if r.smoothed == 0 {
		return hint
	}
	return r.smoothed + max(4*r.variation, rttMargin)
}
