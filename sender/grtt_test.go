package sender

import (
	"testing"
	"time"

	"fanfare/internal/mono"
)

func TestGRTT(t *testing.T) {
	const ms = time.Millisecond
	g := newGRTT(20*ms, 0)
	check := func(want time.Duration) {
		t.Helper()
		if got := g.estimate(); got != want {
			t.Errorf("estimate %v, want %v", got, want)
		}
	}
	check(20 * ms)
	g.sample(1, 5*ms)
	check(5 * ms) // a measurement replaces the initial value
	g.sample(2, 50*ms)
	g.sample(3, 7*ms)
	check(50 * ms)
	now := mono.Time(grttWindow)
	g.sample(now, 8*ms)
	check(50 * ms) // the peak of the window before counts
	now = now.Add(grttWindow)
	g.sample(now, 9*ms)
	check(9 * ms)
	now = now.Add(grttWindow)
	g.roll(now)
	g.roll(now.Add(grttWindow))
	check(9 * ms) // silence changes nothing
}

func TestGRTTFloorOfTimers(t *testing.T) {
	g := newGRTT(20*time.Millisecond, 0)
	g.sample(1, 50*time.Microsecond)
	if g.estimate() != 50*time.Microsecond || g.timer() != minGRTT {
		t.Errorf("estimate %v, timer %v", g.estimate(), g.timer())
	}
}
