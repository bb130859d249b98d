package receiver

import (
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

func newTestReporter(hint time.Duration, edges int) (*reporter, *rand.Rand) {
	rng := rand.New(rand.NewPCG(1, 1))
	r := newReporter()
	r.follow(0, hint, edges)
	return &r, rng
}

func TestReporter(t *testing.T) {
	r, rng := newTestReporter(0, 4)
	within := func(from, to time.Duration) {
		t.Helper()
		if d := r.due().Sub(0); d < from || d > to {
			t.Errorf("due after %v, want %v to %v", d, from, to)
		}
	}
	if r.due() != mono.Never {
		t.Error("due before the sender was heard")
	}
	r.start(0, rng)
	within(0, firstSpread)
	r.sent(0, rng, 1)
	r.echo(1)
	within(idleInterval, idleInterval*3/2)
	r.receive(0)
	within(wire.BusyReportInterval, wire.BusyReportInterval*3/2)
	r.follow(0, 0, 1000)
	within(5*time.Second, 7500*ms) // at most 200 reports a second
	r.follow(0, 0, 4)
	within(wire.BusyReportInterval, wire.BusyReportInterval*3/2)
	r.follow(0, 3*time.Second, 4)
	within(3*time.Second, 4500*ms)
	r.follow(0, time.Hour, 4)
	within(wire.MaxReportInterval, wire.MaxReportInterval*3/2)
	r.follow(0, 0, 4)
	r.request(0, rng)
	within(newsInterval, newsInterval)
}

// TestReportsMoveWithTheInterval: when an interval of 100 s shrinks to 10 s, reports that were spread
// over the one are spread over the other.
func TestReportsMoveWithTheInterval(t *testing.T) {
	early := 0
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 1))
		r := newReporter()
		r.follow(0, 100*time.Second, 1000)
		r.start(0, rng)
		r.sent(0, rng, 1)
		now := mono.Time(float64(100*time.Second) * float64(seed) / 100)
		r.follow(now, 10*time.Second, 100)
		if r.due().Sub(now) < 500*ms {
			early++
		}
	}
	if early > 10 {
		t.Errorf("%d of 100 reports are due at once", early)
	}
}

// TestNewsOfManyIsSpread has every edge of a large group tell something at the same time.
func TestNewsOfManyIsSpread(t *testing.T) {
	const edges, interval = 1000, 10 * time.Second
	var perSecond [20]int
	for seed := range uint64(edges) {
		rng := rand.New(rand.NewPCG(seed, 1))
		r := newReporter()
		r.follow(0, interval, edges)
		r.start(0, rng)
		for r.due() < mono.Time(10*interval) {
			r.sent(r.due(), rng, 1)
		}
		now := mono.Time(10 * interval)
		r.request(now, rng)
		at := r.due().Sub(now)
		if at > interval*3/2 {
			t.Fatalf("news is told after %v", at)
		}
		perSecond[at/time.Second]++
	}
	for second, n := range perSecond {
		if n > 2*edges/10 {
			t.Errorf("%d reports in second %d", n, second)
		}
	}
}

// TestNewsHasAShare: who has news all the time tells them at once for a while, then once an interval.
func TestNewsHasAShare(t *testing.T) {
	r, rng := newTestReporter(100*ms, 10)
	r.start(0, rng)
	now := mono.Time(time.Second)
	r.sent(now, rng, 1)
	told := 0
	for end := now.Add(time.Second); now < end; now = now.Add(ms) {
		r.request(now, rng)
		if r.due() <= now {
			r.sent(now, rng, 2)
			if told++; told == newsBurst && now.Sub(mono.Time(time.Second)) > 50*ms {
				t.Errorf("%d reports took %v", told, now.Sub(mono.Time(time.Second)))
			}
		}
	}
	if told < newsBurst+8 || told > newsBurst+10 {
		t.Errorf("told %d times in a second", told)
	}
}

func TestNewsIsRepeatedUntilAcknowledged(t *testing.T) {
	const roundTrip = 2 * ms
	r, rng := newTestReporter(0, 4)
	r.start(0, rng)
	now := mono.Time(ms)
	r.request(now, rng)
	r.sent(now, rng, 7)
	r.heartbeat(now.Add(roundTrip), roundTrip, rng)
	if r.requested != mono.Never {
		t.Fatal("repeated before an acknowledgment could come")
	}
	r.heartbeat(now.Add(roundTrip+1), roundTrip, rng)
	if r.requested == mono.Never {
		t.Fatal("not repeated when the acknowledgment did not come")
	}
	now = r.requested
	r.sent(now, rng, 8)
	r.echo(7) // late, of the first: the second may tell more
	r.echo(8)
	r.heartbeat(now.Add(time.Second), roundTrip, rng)
	if r.requested != mono.Never {
		t.Error("repeated after the acknowledgment")
	}
	r.request(now, rng)
	told := 0
	for counter := uint64(9); r.requested != mono.Never; counter++ {
		now = now.Add(time.Second)
		r.sent(now, rng, counter)
		told++
		r.heartbeat(now.Add(time.Second), roundTrip, rng)
	}
	if told != 1+newsRepeats {
		t.Errorf("news was told %d times to a sender that never acknowledges, want %d", told, 1+newsRepeats)
	}
	r.follow(now, 0, 1000)
	r.request(now, rng)
	r.sent(now, rng, 99)
	r.heartbeat(now.Add(time.Second), roundTrip, rng)
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
