package sender

import (
	"time"

	"fanfare/internal/mono"
)

// grtt estimates the largest round trip in the group (RFC 5740 §4.2): the largest sample of
// this window and the one before, so that it rises at once and falls when an edge is gone.
type grtt struct {
	initial        time.Duration
	peak, previous time.Duration // 0: no sample
	since          mono.Time
	// window is how long a sample counts at least: so long that every edge gives one.
	window time.Duration
}

const (
	// grttWindow is the least window.
	grttWindow = 10 * time.Second
	// minGRTT is the least that timers use: scheduling delays exceed the round trip on a LAN.
	minGRTT = 2 * time.Millisecond
	// maxRTT is the largest believable round trip; a sample above it is not one.
	maxRTT = 10 * time.Second
)

func newGRTT(initial time.Duration, now mono.Time) grtt {
	return grtt{initial: min(initial, maxRTT), since: now, window: grttWindow}
}

// sample takes the smoothed round trip of one edge.
func (g *grtt) sample(now mono.Time, rtt time.Duration) {
	g.roll(now)
	g.peak = max(g.peak, rtt, 1)
}

// roll begins a new window when the current one is over. One without samples changes nothing.
func (g *grtt) roll(now mono.Time) {
	if now.Sub(g.since) < g.window {
		return
	}
	g.since = now
	if g.peak > 0 {
		g.previous, g.peak = g.peak, 0
	}
}

// estimate returns GRTT as measured, or the initial value.
func (g *grtt) estimate() time.Duration {
	if g.peak == 0 && g.previous == 0 {
		return g.initial
	}
	return max(g.peak, g.previous)
}

// timer returns GRTT for use in timers.
func (g *grtt) timer() time.Duration { return max(g.estimate(), minGRTT) }
