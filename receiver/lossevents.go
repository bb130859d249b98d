package receiver

import (
	"math"
	"time"

	"fanfare/internal/mono"
)

// lossEvents measures the loss event rate of RFC 5348 §5, by which an adaptive sender finds its
// rate: all losses and marks within one round trip are one event, and the rate is one over the
// weighted mean of the latest intervals between events, in packets. What this host's own receive
// buffer dropped counts too: a receiver that cannot keep up is congested.
type lossEvents struct {
	started bool
	// judged is the newest number that is known to have come or not.
	judged uint32
	// first is the number at which the latest event began, at when that was; seen says that there
	// was one.
	seen  bool
	first uint32
	at    mono.Time
	// intervals are those between events, the newest first.
	intervals [lossIntervals]float64
	length    int
	// told is the rate that was reported last, in events per million packets.
	told uint32
	// arrived counts packets since, rate is how many came in a second before that.
	arrived int
	since   mono.Time
	rate    float64
}

const (
	lossIntervals = 8
	// lossReorder is how many later packets must have come until one is taken for lost (RFC 5348
	// §5.1, NDUPACK).
	lossReorder = 3
	// minLossRTT is the least round trip that events are told apart by: on a LAN it is less than
	// what hosts take to be scheduled.
	minLossRTT = time.Millisecond
	// rateWindow is the least time over which the arrivals are counted.
	rateWindow = 10 * time.Millisecond
	// forgetAfter is how many packets after the last event all are forgotten, before numbers come
	// round.
	forgetAfter = 1 << 26
	// maxLossInterval bounds an interval, in packets: the rate is reported in parts of a million.
	maxLossInterval = 1e6
)

// lossWeights are those of RFC 5348 §5.4, the newest interval's first.
var lossWeights = [lossIntervals]float64{1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2}

// receive takes note of the newest packet so far. It reports whether a new event began.
func (v *lossEvents) receive(now mono.Time, l *loss, rtt time.Duration) (news bool) {
	v.count(now, rtt)
	d := int32(l.highest - v.judged)
	if !v.started || d < 0 || d > maxJump {
		if v.started && v.seen {
			v.first = l.highest
		}
		v.started, v.judged = true, l.highest
		return false
	}
	if d > windowBits {
		v.judged = l.highest - lossReorder
		return v.event(now, v.judged, rtt)
	}
	if int32(l.highest-v.first) > forgetAfter {
		v.seen, v.length = false, 0
	}
	for ; d > lossReorder; d-- {
		v.judged++
		if !l.has(v.judged) && v.event(now, v.judged, rtt) {
			news = true
		}
	}
	return news
}

// event takes a loss or a mark at a packet number; it reports whether a new event begins with it.
func (v *lossEvents) event(now mono.Time, sequence uint32, rtt time.Duration) bool {
	if v.seen && now.Sub(v.at) <= max(rtt, minLossRTT) {
		return false
	}
	interval := v.assumed(now, rtt)
	if v.seen {
		interval = float64(max(int32(sequence-v.first), 1))
	}
	copy(v.intervals[1:], v.intervals[:])
	v.intervals[0] = min(max(interval, 1), maxLossInterval)
	v.length = min(v.length+1, lossIntervals)
	v.seen, v.first, v.at = true, sequence, now
	return true
}

// assumed returns the interval that is taken to lie before the first event: the one at which TCP's
// rate would be that at which packets came (RFC 5348 §6.3.1, with the simple form of the equation).
// What came before says nothing about the path's capacity, since the sender had yet to find it.
func (v *lossEvents) assumed(now mono.Time, rtt time.Duration) float64 {
	rate := v.rate
	if d := now.Sub(v.since); d >= rateWindow {
		rate = max(rate, float64(v.arrived)/d.Seconds())
	}
	window := rate * max(rtt, minLossRTT).Seconds()
	return window * window * 2 / 3
}

// count measures the rate at which packets come, over windows of a round trip.
func (v *lossEvents) count(now mono.Time, rtt time.Duration) {
	v.arrived++
	if d := now.Sub(v.since); d >= max(rtt, rateWindow) {
		v.rate = float64(v.arrived) / d.Seconds()
		v.since, v.arrived = now, 0
	}
}

// ppm returns the loss event rate in events per million packets, as of the packet number highest; 0
// says that there was no event for about a million packets, or never.
func (v *lossEvents) ppm(highest uint32) uint32 {
	if !v.seen {
		return 0
	}
	mean := v.mean(0, 1)
	// The interval since the last event counts if it makes the mean longer; one more than twice as
	// long as the mean takes weight from the others (§5.5, not remembered beyond it).
	since := float64(max(int32(highest-v.first), 0)) + 1
	discount := 1.0
	if since > 2*mean {
		discount = max(2*mean/since, 0.5)
	}
	mean = max(mean, v.mean(since, discount))
	if mean >= maxLossInterval {
		return 0
	}
	return uint32(math.Ceil(1e6 / mean))
}

// mean returns the weighted mean of the intervals, discounted; before them comes the one since the
// last event unless it is 0.
func (v *lossEvents) mean(since, discount float64) float64 {
	sum, weights, shift := 0.0, 0.0, 0
	if since > 0 {
		sum, weights, shift = since, lossWeights[0], 1
	}
	for i := 0; i < v.length && i+shift < lossIntervals; i++ {
		w := lossWeights[i+shift] * discount
		sum += w * v.intervals[i]
		weights += w
	}
	return sum / weights
}

// worse reports whether the rate is so much higher than what was told last that the sender should
// not wait for the next report: twice as high.
func (v *lossEvents) worse(highest uint32) bool { return v.ppm(highest) > 2*v.told }

// lossRTT returns the round trip by which loss events are told apart.
func (e *Engine) lossRTT() time.Duration {
	if e.rtt.smoothed > 0 {
		return e.rtt.smoothed
	}
	return e.sender.grtt
}

// Marked says that n packets of the session came with ECN's Congestion Experienced (RFC 3168), which
// counts like a loss for the sender's rate. The loop calls it before it hands over the first of them.
func (e *Engine) Marked(now mono.Time, n int) {
	e.now = now
	if n <= 0 {
		return
	}
	e.stats.PacketsMarked += uint64(n)
	if e.loss.started && e.congestion.event(now, e.loss.highest, e.lossRTT()) {
		e.congested(now)
	}
}

// congested has the sender told soon of a loss event if it was not to be expected.
func (e *Engine) congested(now mono.Time) {
	if e.congestion.worse(e.loss.highest) {
		e.reporter.request(now, e.rng)
	}
}
