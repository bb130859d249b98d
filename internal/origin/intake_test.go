package origin

import (
	"testing"
	"time"

	"fanfare/internal/mono"
)

func TestIntake(t *testing.T) {
	i := newIntake(defaultFeedbackRate, 0)
	if n := i.take(0, intakeBurst); n != intakeBurst {
		t.Errorf("%d of a first burst", n)
	}
	if n := i.take(0, 64); n != 0 {
		t.Errorf("%d of a flood", n)
	}
	taken := 0
	for now := mono.Time(0); now < mono.Time(10*time.Second); now = now.Add(time.Millisecond) {
		taken += i.take(now, 64) // 64,000 a second
	}
	if most := 10 * intakeFactor * defaultFeedbackRate; taken > most || taken < most*99/100 {
		t.Errorf("%d messages in 10 s, want %d", taken, most)
	}
}

// TestIntakeTakesHonestEdges: 10,000 edges that all start at once, and then report as they are told.
func TestIntakeTakesHonestEdges(t *testing.T) {
	i := newIntake(defaultFeedbackRate, 0)
	refused := 0
	for range 10_000 {
		refused += 1 - i.take(mono.Time(time.Millisecond), 1)
	}
	for now := mono.Time(0); now < mono.Time(10*time.Second); now = now.Add(time.Millisecond) {
		refused += 1 - i.take(now.Add(time.Millisecond), 1)
	}
	if refused > 0 {
		t.Errorf("%d messages refused", refused)
	}
}
