package edge

import (
	"testing"
	"time"

	"fanfare/internal/mono"
)

func TestRest(t *testing.T) {
	var r rest
	now, packets := mono.Time(time.Second), uint64(0)
	step := func(d time.Duration, more uint64) time.Duration {
		now, packets = now.Add(d), packets+more
		return r.pause(now, packets, mono.Never)
	}
	for i := range streamPackets - 1 {
		if step(100*time.Microsecond, 1) != 0 {
			t.Fatalf("a rest after %d packets", i+1)
		}
	}
	if d := step(100*time.Microsecond, 1); d != restTime {
		t.Errorf("a rest of %v in a stream", d)
	}
	if step(100*time.Microsecond, 0) != 0 {
		t.Error("a rest without packets")
	}
	packets += 5
	if d := r.pause(now, packets, now.Add(50*time.Microsecond)); d != 50*time.Microsecond {
		t.Errorf("a rest of %v before a deadline in 50 µs", d)
	}
	packets += 5
	if d := r.pause(now, packets, now.Add(-time.Second)); d != 0 {
		t.Errorf("a rest of %v after the deadline", d)
	}
	if step(2*time.Millisecond, 5) != 0 {
		t.Error("a rest after a gap")
	}
}
