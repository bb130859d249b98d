package sender

import (
	"testing"
	"time"

	"fanfare/internal/mono"
)

func TestHeartbeatIntervals(t *testing.T) {
	const ms = time.Millisecond
	p := newPacer(1_000_000_000, 0)
	h := newHeartbeat(&p, 0)
	now := mono.Time(0)
	beat := func(a activity, grtt, want time.Duration) {
		t.Helper()
		next := max(h.next(a, grtt), now)
		if got := next.Sub(now); got != want {
			t.Errorf("after %v, want %v", got, want)
		}
		now = next
		h.sent(now, a, grtt)
	}
	beat(idle, ms, 0) // the first, at once
	for _, want := range []time.Duration{1, 1, 1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000} {
		beat(idle, ms, want*ms)
	}
	beat(passing, 3*ms, 5*ms)
	beat(passing, 7*ms, 7*ms)
	beat(repairing, ms, 2*ms)
	beat(repairing, 7*ms, 7*ms)
	h.hurry(now)
	beat(passing, 20*ms, 2*ms)
	h.hurry(now)
	beat(idle, ms, ms/2)
	beat(idle, 20*ms, ms)
	beat(idle, 20*ms, 2*ms)
	beat(idle, 20*ms, 4*ms)
	beat(idle, 20*ms, 5*ms) // a quarter of GRTT, for four of them
	now = now.Add(ms / 4)
	h.hurry(now)
	beat(idle, ms, ms/4)
}

func TestHeartbeatShareOfSmallRate(t *testing.T) {
	p := newPacer(64_000, 0)
	h := newHeartbeat(&p, 0)
	h.sent(0, passing, 0)
	if d := h.next(passing, 0).Sub(0); d < 500*time.Millisecond {
		t.Errorf("a heartbeat each %v at 64 kbit/s", d)
	}
}
