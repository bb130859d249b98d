package sender

import (
	"testing"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

func TestUnknowns(t *testing.T) {
	var u unknowns
	note := func(at time.Duration, toi, sbn uint32, want bool) {
		t.Helper()
		tell, ok := u.note(mono.Time(at), wire.NACK{TOI: toi, SBN: sbn, Count: 1, Symbols: 3}, 9, true)
		if tell != want || !ok {
			t.Errorf("tell %v, want %v; ok %v", tell, want, ok)
		}
	}
	note(0, 1, 0, true)
	note(1, 1, 0, false)
	note(1, 1, 5, false)
	note(1, 2, 0, true)
	note(unknownQuiet, 1, 0, true) // told again after a while
	note(unknownQuiet+1, 1, 0, false)
	var got []uint32
	u.take(1, func(a unknownAsk) { got = append(got, a.nack.SBN) })
	if len(got) != 2 || got[0] != 0 || got[1] != 5 || len(u.asks) != 1 {
		t.Errorf("took blocks %v, left %d asks", got, len(u.asks))
	}
	u.sweep(mono.Time(unknownKeep + 2))
	if len(u.asks) != 0 {
		t.Errorf("%d asks after the sweep", len(u.asks))
	}
}

func TestUnknownsAreBounded(t *testing.T) {
	var u unknowns
	for i := range uint32(1000) {
		if _, ok := u.note(0, wire.NACK{TOI: i + 1, Count: 1, Symbols: 1}, 0, true); ok != (i < maxUnknowns) {
			t.Fatalf("ask %d: ok is %v", i, ok)
		}
	}
}

// TestCancelOfUnknown: who asked for what the loop does not add leaves room for others, and is told of
// again when it asks again.
func TestCancelOfUnknown(t *testing.T) {
	h := newHarness(t, Config{Rate: 1_000_000})
	for round := range 3 {
		for i := range uint32(maxUnknowns) {
			h.ask(i+1, 0, 1)
			h.wantEvent(Event{Kind: ObjectUnknown, TOI: i + 1})
			h.engine.Cancel(h.now, i+1)
		}
		if s := h.engine.Stats(); s.AsksRefused != 0 {
			t.Fatalf("round %d: %d asks refused", round, s.AsksRefused)
		}
	}
}
