package edge

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fanfare/internal/fetch"
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

func TestProver(t *testing.T) {
	for _, test := range []struct {
		name     string
		answers  []string // in turn; a number is a status
		asked    int
		outdated bool
		failed   bool
	}{
		{"all is well", []string{`{"head":3}`, `{"head":3}`}, 2, false, false},
		{"the second is not there", []string{`{"head":3}`, `{"outdated":true,"head":3}`}, 2, true, false},
		{"the first is not there", []string{`{"outdated":true,"head":3}`, ""}, 1, true, false},
		{"no answer", []string{"500", ""}, 1, false, true},
		{"another generation", []string{"409", ""}, 1, false, true},
		{"nonsense", []string{"x", ""}, 1, false, true},
	} {
		asked := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := test.answers[asked]
			asked++
			switch answer {
			case "500":
				w.WriteHeader(500)
			case "409":
				w.WriteHeader(409)
			default:
				w.Write([]byte(answer))
			}
		}))
		p := &prover{client: fetch.New(strings.TrimPrefix(s.URL, "http://")), generation: testGeneration.String()}
		done := p.prove(context.Background(), [][]byte{{1}, {2}})
		if asked != test.asked || done.Outdated != test.outdated || (done.err != nil) != test.failed {
			t.Errorf("%s: asked %d times, %+v", test.name, asked, done)
		}
		if other := errors.Is(done.err, errOtherGeneration); other != (test.name == "another generation") {
			t.Errorf("%s: %v", test.name, done.err)
		}
		p.client.Close()
		s.Close()
	}
}
