package edge

import (
	"testing"
	"time"

	"fanfare/internal/mono"
)

// resting is a rest with a clock and a network.
type resting struct {
	rest
	now     mono.Time
	arrived uint64
}

// step lets time pass, and packets arrive.
func (r *resting) step(d time.Duration, packets uint64, until mono.Time) time.Duration {
	r.now, r.arrived = r.now.Add(d), r.arrived+packets
	return r.pause(r.now, r.arrived, until)
}

// stream brings packets at a rate until the loop rests; it returns for how long.
func (r *resting) stream(packetsPerSecond int) (pause time.Duration) {
	const every = 200 * time.Microsecond
	for range 2*streamPackets*int(time.Second/every)/packetsPerSecond + 100 {
		d := max(every, pause)
		pause = r.step(d, uint64(d.Seconds()*float64(packetsPerSecond)+0.5), mono.Never)
	}
	return pause
}

func TestRest(t *testing.T) {
	r := resting{rest: newRest(8 << 20), now: mono.Time(time.Second)}
	for i := range streamPackets - 1 {
		if r.step(100*time.Microsecond, 1, mono.Never) != 0 {
			t.Fatalf("a rest after %d packets", i+1)
		}
	}
	if d := r.step(100*time.Microsecond, 1, mono.Never); d != restLimit {
		t.Errorf("a rest of %v in a stream", d)
	}
	if d := r.step(restLimit+streamGap/2, 1, mono.Never); d != restLimit {
		t.Errorf("a rest of %v after a rest", d)
	}
	if d := r.step(restLimit, 5, r.now.Add(restLimit+50*time.Microsecond)); d != 50*time.Microsecond {
		t.Errorf("a rest of %v before a deadline in 50 µs", d)
	}
	if d := r.step(50*time.Microsecond, 5, r.now); d != 0 {
		t.Errorf("a rest of %v after the deadline", d)
	}
	if r.step(100*time.Microsecond, 0, mono.Never) != 0 {
		t.Error("a rest without packets")
	}
	if r.step(streamGap, 5, mono.Never) != 0 {
		t.Error("a rest after a gap")
	}
}

func TestRestFollowsRate(t *testing.T) {
	tests := []struct {
		name     string
		buffer   int
		rate     int // packets a second
		from, to time.Duration
	}{
		{"slow", 8 << 20, 20_000, restLimit, restLimit},
		{"fast", 8 << 20, 400_000, 300 * time.Microsecond, 340 * time.Microsecond},
		{"very fast", 8 << 20, 2_000_000, 60 * time.Microsecond, 70 * time.Microsecond},
		{"small buffer", 106_496, 50_000, 200 * time.Microsecond, 240 * time.Microsecond},
		{"no buffer", 0, 50_000, 18 * time.Microsecond, 22 * time.Microsecond},
	}
	for _, test := range tests {
		r := resting{rest: newRest(test.buffer), now: mono.Time(time.Second)}
		if d := r.stream(test.rate); d < test.from || d > test.to {
			t.Errorf("%s: a rest of %v, want %v to %v", test.name, d, test.from, test.to)
		}
	}
}
