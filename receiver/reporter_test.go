package receiver

import (
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/internal/mono"
)

func TestReporter(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	r := reporter{requested: mono.Never}
	within := func(edges int, from, to time.Duration) {
		t.Helper()
		if d := r.due(edges).Sub(0); d < from || d > to {
			t.Errorf("due after %v, want %v to %v", d, from, to)
		}
	}
	if r.due(4) != mono.Never {
		t.Error("due before the sender was heard")
	}
	r.start(0, rng, 4)
	within(4, 0, firstSpread)
	r.sent(0, rng)
	within(4, idleInterval, idleInterval*3/2)
	r.busy = true
	within(4, busyInterval, busyInterval*3/2)
	within(1000, 5*time.Second, 7500*ms) // at most 200 reports a second
	r.request(0, rng, 4)
	within(4, requestInterval, requestInterval)
	r.request(0, rng, 1000)
	within(4, requestInterval, requestInterval) // a request never delays another
	r.sent(0, rng)
	r.request(0, rng, 1000)
	within(1000, requestInterval, time.Second+requestInterval)
}

func TestPresence(t *testing.T) {
	p := presence{}
	if p.check(mono.Time(silence)-1) || !p.check(mono.Time(silence)) || p.check(mono.Time(2*silence)) {
		t.Error("silence from the start is told once")
	}
	at := mono.Time(3 * silence)
	if !p.hear(at) || p.hear(at) {
		t.Error("being heard is told once")
	}
	if p.deadline() != at.Add(silence) || p.check(at) || !p.check(p.deadline()) || p.deadline() != mono.Never {
		t.Error("silence again")
	}
}
