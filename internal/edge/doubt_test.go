package edge

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"fanfare/internal/mono"
)

func newTestDoubt(seed uint64) *doubt { return &doubt{rng: rand.New(rand.NewPCG(seed, 1))} }

// ask begins a request at the time that the doubt has for it, and returns that.
func (d *doubt) ask(t *testing.T) mono.Time {
	t.Helper()
	at := d.next()
	if at == mono.Never || d.begin(at-1) || !d.begin(at) || d.next() != mono.Never || d.begin(at+1) {
		t.Fatalf("not one request at %v: %+v", at, d)
	}
	return at
}

func TestDoubt(t *testing.T) {
	d := newTestDoubt(1)
	now := mono.Time(time.Hour)
	if d.next() != mono.Never || d.holdsBack() {
		t.Fatal("doubts without reason")
	}
	d.suspect(now, false, 4)
	if d.holdsBack() {
		t.Error("a head that may be played again stops entries")
	}
	if at := d.ask(t); at != now {
		t.Errorf("asks after %v", at.Sub(now))
	}
	d.suspect(now, true, 4)
	if !d.holdsBack() {
		t.Error("takes entries of another log")
	}
	if d.done(now, false, errors.New("no answer")); !d.holdsBack() || d.next() <= now {
		t.Errorf("after no answer: %+v", d)
	}
	now = d.ask(t)
	if !d.done(now, true, nil) || !d.holdsBack() {
		t.Errorf("the origin is outdated: %+v", d)
	}
	if after := d.next().Sub(now); after < doubtAgain || after > 2*doubtAgain {
		t.Errorf("asks again after %v", after)
	}
	d.hurry(now, 4)
	if after := d.next().Sub(now); after != doubtPause {
		t.Errorf("with a new head it asks again after %v", after)
	}
	now = d.ask(t)
	if d.done(now, true, nil) {
		t.Error("outdated twice")
	}
	now = d.ask(t)
	if !d.done(now, false, nil) || d.holdsBack() || d.next() != mono.Never {
		t.Errorf("all is well again: %+v", d)
	}
	if d.hurry(now, 4); d.next() != mono.Never {
		t.Error("a new head alone makes it ask")
	}
}

// TestDoubtUnfounded has somebody play old packets again for an hour.
func TestDoubtUnfounded(t *testing.T) {
	d := newTestDoubt(1)
	now, asked := mono.Time(time.Hour), 0
	for end := now.Add(time.Hour); now < end; now = now.Add(10 * time.Millisecond) {
		d.suspect(now, false, 4)
		if d.begin(now) {
			asked++
			d.done(now, false, nil)
		}
	}
	if most := int(time.Hour/(doubtPause<<maxUnfounded)) + maxUnfounded + 1; asked > most || asked < 60 {
		t.Errorf("asked %d times, at most %d", asked, most)
	}
}

// TestDoubtSpreads has a crowd hear the same.
func TestDoubtSpreads(t *testing.T) {
	const edges = 10_000
	now := mono.Time(time.Hour)
	slots := make([]int, 4)
	for seed := range uint64(400) {
		d := newTestDoubt(seed)
		d.suspect(now, false, edges)
		slots[d.next().Sub(now)*4/(edges*doubtSpread)]++
	}
	for _, n := range slots {
		if n < 50 {
			t.Errorf("requests come as %v", slots)
		}
	}
	d := newTestDoubt(1)
	d.suspect(now, false, 1<<30)
	if after := d.next().Sub(now); after > maxDoubtSpread {
		t.Errorf("asks after %v", after)
	}
}

// What is applied above the mark is kept to be taken back, however much the mark passes meanwhile.
func TestDoubtApplied(t *testing.T) {
	d := newTestDoubt(1)
	for sequence := uint64(1); sequence <= 10_000; sequence++ {
		mark := max(sequence, 100) - 100
		d.applied(sequence, mark)
		d.applied(mark, mark) // it did follow
		if n := len(d.fresh); n > 1000 || d.fresh[n-1] != sequence {
			t.Fatalf("%d entries are kept, the last is %d", n, d.fresh[n-1])
		}
		for s := mark + 1; s <= sequence; s++ {
			if !slices.Contains(d.fresh, s) {
				t.Fatalf("entry %d is forgotten at mark %d", s, mark)
			}
		}
	}
}

// A head is verified again if it came from another start of the sender.
func TestSignedHead(t *testing.T) {
	var h signedHead
	if h.is(nil, 0) {
		t.Error("nothing has been verified")
	}
	h.set([]byte("head"), 7)
	for _, test := range []struct {
		raw      string
		instance uint64
		want     bool
	}{{"head", 7, true}, {"head", 8, false}, {"Head", 7, false}} {
		if h.is([]byte(test.raw), test.instance) != test.want {
			t.Errorf("%+v", test)
		}
	}
}
