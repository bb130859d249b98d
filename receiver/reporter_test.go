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
	r.sent(0, rng, 1)
	r.echo(1)
	within(4, idleInterval, idleInterval*3/2)
	r.busy = true
	within(4, busyInterval, busyInterval*3/2)
	within(1000, 5*time.Second, 7500*ms) // at most 200 reports a second
	r.request(0, rng, 4)
	within(4, requestInterval, requestInterval)
	r.request(0, rng, 1000)
	within(4, requestInterval, requestInterval) // a request never delays another
	r.sent(0, rng, 2)
	r.echo(2)
	r.request(0, rng, 1000)
	within(1000, requestInterval, time.Second+requestInterval)
}

func TestNewsIsRepeatedUntilAcknowledged(t *testing.T) {
	const roundTrip = 2 * ms
	rng := rand.New(rand.NewPCG(1, 1))
	r := reporter{requested: mono.Never}
	r.start(0, rng, 4)
	now := mono.Time(ms)
	r.request(now, rng, 4)
	r.sent(now, rng, 7)
	r.heartbeat(now.Add(roundTrip), roundTrip, rng, 4)
	if r.requested != mono.Never {
		t.Fatal("repeated before an acknowledgment could come")
	}
	r.heartbeat(now.Add(roundTrip+1), roundTrip, rng, 4)
	if r.requested == mono.Never {
		t.Fatal("not repeated when the acknowledgment did not come")
	}
	now = r.requested
	r.sent(now, rng, 8)
	r.echo(7) // late, of the first: the second may tell more
	r.echo(8)
	r.heartbeat(now.Add(time.Second), roundTrip, rng, 4)
	if r.requested != mono.Never {
		t.Error("repeated after the acknowledgment")
	}
	r.request(now, rng, 4)
	told := 0
	for counter := uint64(9); r.requested != mono.Never; counter++ {
		now = now.Add(time.Second)
		r.sent(now, rng, counter)
		told++
		r.heartbeat(now.Add(time.Second), roundTrip, rng, 4)
	}
	if told != 1+newsRepeats {
		t.Errorf("news was told %d times to a sender that never acknowledges, want %d", told, 1+newsRepeats)
	}
	r.request(now, rng, 1000)
	r.sent(now, rng, 99)
	r.heartbeat(now.Add(time.Second), roundTrip, rng, 1000)
	if r.requested != mono.Never {
		t.Error("repeated in a group too large for acknowledgments")
	}
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
