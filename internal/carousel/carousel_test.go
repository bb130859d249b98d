package carousel

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"fanfare/internal/mono"
)

const ms = time.Millisecond

// harness plays the loop and the sender: a log of entries of which some have bundles.
type harness struct {
	t        *testing.T
	carousel *Carousel
	now      mono.Time
	head     uint64
	bundles  map[uint64]uint64 // sizes by sequence
	sending  []uint32
	steps    []Step
	at       []mono.Time
	busy     bool
}

const entryBytes = 1000

func newHarness(t *testing.T, cfg Config, head uint64) *harness {
	return &harness{t: t, carousel: New(cfg, head, 0), head: head, bundles: map[uint64]uint64{}}
}

// turn takes all steps that are due.
func (h *harness) turn() {
	for {
		s, ok := h.carousel.Next(h.now, h.busy)
		if !ok {
			return
		}
		if s.Sequence == 0 || s.Sequence > h.head {
			h.t.Fatalf("step %+v of a log that ends at %d", s, h.head)
		}
		var toi uint32
		if size := h.bundles[s.Sequence]; s.Bundle && size > 0 {
			toi = uint32(s.Sequence)
			h.sending = append(h.sending, toi)
		}
		h.carousel.Sent(h.now, s, entryBytes, toi, h.bundles[s.Sequence], h.busy)
		h.steps, h.at = append(h.steps, s), append(h.at, h.now)
	}
}

// run goes on for a time; bundles are sent one after the other at the rate.
func (h *harness) run(d time.Duration) {
	until := h.now.Add(d)
	ends := mono.Never
	for h.now < until {
		h.turn()
		if ends == mono.Never && len(h.sending) > 0 {
			ends = h.now.Add(h.carousel.duration(h.bundles[uint64(h.sending[0])]))
		}
		next := min(h.carousel.NextTimeout(), ends, until)
		if next <= h.now && next != until {
			h.t.Fatalf("at %v it wants to be called again at once", h.now)
		}
		h.now = max(h.now, next)
		if h.now == ends {
			h.carousel.Ended(h.now, h.sending[0])
			h.sending, ends = h.sending[1:], mono.Never
		}
	}
}

// names returns the steps of one cycle, 0 for repeats.
func (h *harness) names(cycle uint64) (list []string) {
	for _, s := range h.steps {
		if s.Cycle == cycle {
			list = append(list, fmt.Sprint(s.Sequence))
		}
	}
	return list
}

func TestCycles(t *testing.T) {
	h := newHarness(t, Config{Rate: 8_000_000, Pause: time.Second}, 3)
	h.bundles[2] = 500_000 // half a second
	h.run(10 * time.Second)
	for cycle := uint64(1); cycle <= 6; cycle++ {
		if got := h.names(cycle); !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Errorf("cycle %d: %v", cycle, got)
		}
	}
	s := h.carousel.Stats()
	if s.Cycle != 7 || s.LastBytes != 503_000 || s.Length < 500*ms || s.Length > 510*ms || s.Repeats != 0 {
		t.Errorf("%+v", s)
	}
}

// TestBounded checks that what the sender holds at a time is bounded, and the rate of entries kept.
func TestBounded(t *testing.T) {
	h := newHarness(t, Config{Rate: 8_000_000}, 1000)
	for sequence := range uint64(1000) {
		h.bundles[sequence+1] = 10_000
	}
	h.turn()
	for h.carousel.release < mono.Time(time.Second) && !h.carousel.full() {
		h.now = h.carousel.NextTimeout()
		h.turn()
	}
	if len(h.sending) != 27 {
		t.Errorf("%d bundles of 10 kB are handed out at once", len(h.sending))
	}
	if h.carousel.NextTimeout() != mono.Never {
		t.Error("it does not wait for the end of one")
	}
	h.run(time.Minute)
	// 11 kB for each entry at 1 MB/s, of which the entry is charged beside the bundle.
	if n := len(h.steps); n < 5000 || n > 6000 {
		t.Errorf("%d steps in a minute", n)
	}
}

// TestBusy checks that entries of a cycle leave the rate to publications.
func TestBusy(t *testing.T) {
	for _, busy := range []bool{false, true} {
		h := newHarness(t, Config{Rate: 8_000_000}, 100_000)
		h.busy = busy
		h.run(time.Second)
		if n, want := len(h.steps), 1000; busy && n > want/busyShare+1 || !busy && n < want {
			t.Errorf("busy %v: %d entries in a second", busy, n)
		}
	}
}

func TestRepeats(t *testing.T) {
	h := newHarness(t, Config{Rate: 8_000_000, Pause: time.Millisecond}, 1)
	h.bundles[1] = 20_000_000 // 20 s
	h.run(100 * ms)
	published := h.now
	h.head = 2
	h.carousel.Published(h.now, 2)
	h.run(50 * time.Second)
	var repeated []mono.Time
	for i, s := range h.steps {
		if s.Cycle == 0 {
			repeated = append(repeated, h.at[i])
		}
	}
	want := 25 * ms
	for _, at := range repeated {
		if got := at.Sub(published); got < want || got > want+10*ms {
			t.Errorf("repeated after %v, want %v", got, want)
		}
		want *= 2
	}
	// The cycle that had begun does not have it; the one after it ends after 40 s.
	if len(repeated) != 11 {
		t.Errorf("repeated %d times", len(repeated))
	}
	if len(h.carousel.repeats.list) != 0 {
		t.Error("a cycle has carried it, and it is still repeated")
	}
	if got := h.names(1); !slices.Equal(got, []string{"1"}) {
		t.Errorf("the first cycle has %v", got)
	}
}

// TestManyPublications checks that repeats are bounded in number and rate, whatever is published.
func TestManyPublications(t *testing.T) {
	h := newHarness(t, Config{Rate: 8_000_000, MaxRepeats: 100, Pause: time.Hour}, 0)
	h.run(time.Second)
	if len(h.steps) != 0 {
		t.Fatalf("an empty log was sent: %v", h.steps)
	}
	h.head = 1 << 40
	h.carousel.cycle, h.carousel.release = 1, mono.Time(time.Hour) // a long pause
	h.carousel.Published(h.now, h.head)
	h.run(10 * time.Second)
	if len(h.carousel.repeats.list) != 100 {
		t.Errorf("%d entries are remembered", len(h.carousel.repeats.list))
	}
	if n := len(h.steps); n < 300 || n > 1001 { // three rounds at least
		t.Errorf("%d repeats of 1,000 bytes in 10 s, want a tenth of 1 MB/s at most", n)
	}
}

// TestEndedUnknown checks that what is not of the cycle does not count, nor what ends twice.
func TestEndedUnknown(t *testing.T) {
	h := newHarness(t, Config{Rate: 8_000_000, Pause: time.Second}, 1)
	h.bundles[1] = 1000
	h.turn()
	h.carousel.Ended(h.now, 77)
	if !h.carousel.walking {
		t.Fatal("another object ended the cycle")
	}
	h.carousel.Ended(h.now, 1)
	h.carousel.Ended(h.now, 1)
	if h.carousel.walking || h.carousel.bytes != 0 {
		t.Errorf("walking %v, %d bytes", h.carousel.walking, h.carousel.bytes)
	}
}
