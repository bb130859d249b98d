package origin

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"fanfare/control"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
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

// TestRecalls: somebody asks for all entries of a log, as often as it may. Few of them are looked up.
func TestRecalls(t *testing.T) {
	o, err := Open(Config{Dir: initOrigin(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	const entries = 2 * recallBurst / recallEntry
	drafts := make([]draft, entries)
	for i := range drafts {
		drafts[i] = selectorDrafts([]control.Selector{{Kind: control.SelectKey, Key: control.Key{Path: fmt.Sprintf("/%d", i)}}})[0]
	}
	if _, err := o.append(drafts); err != nil {
		t.Fatal(err)
	}
	l := o.loop
	now := l.clock.Now()
	l.runCalls(now)
	l.control = nil // the engine has forgotten them
	counter := uint64(0)
	// ask asks for one entry after the other, and returns how many were looked up.
	ask := func(now mono.Time) int {
		before := l.engine.Stats().Objects
		for sequence := uint64(1); sequence <= entries; {
			counter++
			f := wire.Feedback{TSI: o.session.Channel, Edge: 1, Counter: counter}
			for ; len(f.NACKs) < wire.MaxNACKs && sequence <= entries; sequence++ {
				f.NACKs = append(f.NACKs, wire.NACK{TOI: wire.ControlTOI(sequence), Count: 1, Symbols: 1})
			}
			l.handleFeedback(now, wire.AppendFeedback(nil, &f))
			l.takeEvents(now)
		}
		return l.engine.Stats().Objects - before
	}
	if n := ask(now); n != recallBurst/recallEntry || l.stats.RecallsRefused != entries-uint64(n) {
		t.Errorf("%d of %d entries at once, %d refused", n, entries, l.stats.RecallsRefused)
	}
	if n := ask(now.Add(time.Second)); n != recallsPerSecond/recallEntry {
		t.Errorf("%d entries in the next second", n)
	}
}
