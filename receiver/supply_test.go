package receiver

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"fanfare/internal/wire"
)

// wantBlocks checks a list of runs.
func wantBlocks(t *testing.T, what string, got []BlockRange, want ...BlockRange) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// TestPoisonedBlock follows a block with a forged symbol: it is never asked for again, ignores
// packets, and is whole when it is supplied.
func TestPoisonedBlock(t *testing.T) {
	h := newHarness(t, Config{Unicast: true})
	toi := wire.DataTOI(1)
	h.heartbeat(wire.Heartbeat{Started: toi})
	h.wantEvents(Event{Kind: SenderHeard})
	h.expect(ObjectInfo{TOI: toi, OTI: oti(9, 3, 6), Whole: []BlockRange{{0, 1}}})
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 1, Count: 2, Symbols: 3})
	h.symbols(toi, 1, 3, 0, 1, 2)
	ev, _ := h.engine.NextEvent()
	h.engine.HandleResult(h.now, ev, fmt.Errorf("edge: %w", ErrPoisoned))
	h.engine.HandleResult(h.now, Event{BlockReady, toi, 0}, ErrPoisoned) // found wrong late
	wantBlocks(t, "poisoned", h.engine.Poisoned(toi, nil), BlockRange{0, 2})
	for range 20 {
		h.advance(time.Second)
		h.heartbeat(wire.Heartbeat{Started: toi})
		for h.engine.NextFeedback(h.now, &h.message) {
			for _, n := range h.message.NACKs {
				if n.SBN != 2 || n.Count != 1 {
					t.Fatalf("asked for %v", n)
				}
			}
		}
	}
	if h.packet(toi, 1, 3, 5, nil) {
		t.Error("a symbol of a poisoned block was kept")
	}
	if s := h.engine.Stats(); s.BlocksFailed != 2 || s.BlocksPoisoned != 2 {
		t.Errorf("%+v", s)
	}
	if !h.engine.Supply(h.now, toi, 1) || h.engine.Supply(h.now, toi, 1) {
		t.Error("a block is wanted once")
	}
	wantBlocks(t, "poisoned", h.engine.Poisoned(toi, nil), BlockRange{0, 1})
	h.symbols(toi, 2, 3, 0, 1, 2)
	h.wantEvents(Event{BlockReady, toi, 2})
	h.engine.Supply(h.now, toi, 0)
	h.wantEvents(Event{Kind: ObjectWhole, TOI: toi})
	if s := h.engine.Stats(); s.BlocksPoisoned != 0 || s.BlocksSupplied != 2 {
		t.Errorf("%+v", s)
	}
}

// TestOtherFailures of blocks are this receiver's own: they are asked for anew.
func TestOtherFailures(t *testing.T) {
	h := newHarness(t, Config{Unicast: true})
	toi := wire.DataTOI(1)
	h.heartbeat(wire.Heartbeat{Started: toi})
	h.wantNACKs()
	h.expect(ObjectInfo{TOI: toi, OTI: oti(3, 3, 6)})
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 0, Count: 1, Symbols: 3})
	h.engine.NextEvent()
	h.symbols(toi, 0, 3, 0, 1, 2)
	ev, _ := h.engine.NextEvent()
	h.engine.HandleResult(h.now, ev, fmt.Errorf("no memory"))
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 0, Count: 1, Symbols: 3})
	wantBlocks(t, "poisoned", h.engine.Poisoned(toi, nil))
}

func TestMissing(t *testing.T) {
	h := newHarness(t, Config{})
	toi := wire.DataTOI(1)
	h.expect(ObjectInfo{TOI: toi, OTI: oti(300, 3, 6), Whole: []BlockRange{{2, 3}, {8, 1}}})
	wantBlocks(t, "before the sender is heard", h.engine.Missing(toi, nil))
	h.heartbeat(wire.Heartbeat{Started: toi, First: []wire.Position{{TOI: toi, SBN: 7}}})
	wantBlocks(t, "in the first pass", h.engine.Missing(toi, []BlockRange{{90, 1}}), BlockRange{90, 1}, BlockRange{0, 2}, BlockRange{5, 2})
	h.heartbeat(wire.Heartbeat{Started: toi, First: []wire.Position{{TOI: toi, SBN: 9}}})
	wantBlocks(t, "behind a whole block", h.engine.Missing(toi, nil), BlockRange{0, 2}, BlockRange{5, 3})
	h.heartbeat(wire.Heartbeat{Started: toi})
	wantBlocks(t, "after the first pass", h.engine.Missing(toi, nil), BlockRange{0, 2}, BlockRange{5, 3}, BlockRange{9, 91})
	wantBlocks(t, "of an unknown object", h.engine.Missing(toi+1, nil))
	h.expect(ObjectInfo{TOI: toi + 1, OTI: oti(10, 3, 6)})
	wantBlocks(t, "before it is sent", h.engine.Missing(toi+1, nil))
	h.advance(silence)
	wantBlocks(t, "when the sender is silent", h.engine.Missing(toi+1, nil), BlockRange{0, 4})
	for sbn := uint32(0); sbn < 100; sbn += 2 {
		h.engine.Supply(h.now, toi, sbn)
	}
	var odd []BlockRange
	for sbn := uint32(5); sbn < 100; sbn += 2 {
		odd = append(odd, BlockRange{sbn, 1})
	}
	wantBlocks(t, "odd ones", h.engine.Missing(toi, nil), append([]BlockRange{{1, 1}}, odd...)...)
	if h.engine.Supply(h.now, toi, 100) {
		t.Error("a block that does not exist was wanted")
	}
}

// TestMissingIsBounded has an object of which every other block is whole.
func TestMissingIsBounded(t *testing.T) {
	h := newHarness(t, Config{Unicast: true})
	toi := wire.DataTOI(1)
	h.heartbeat(wire.Heartbeat{Started: toi})
	h.expect(ObjectInfo{TOI: toi, OTI: oti(1000, 1, 2)})
	for sbn := uint32(0); sbn < 1000; sbn += 2 {
		h.engine.Supply(h.now, toi, sbn)
		h.engine.HandleResult(h.now, Event{BlockReady, toi, sbn}, ErrPoisoned)
		h.engine.Supply(h.now, toi, sbn+1)
	}
	if n := len(h.engine.Missing(toi, nil)); n != maxMissing {
		t.Errorf("%d runs missing", n)
	}
	if n := len(h.engine.Poisoned(toi, nil)); n != maxMissing {
		t.Errorf("%d runs poisoned", n)
	}
	// What is there after all, as after a restart, is not poisoned.
	h.expect(ObjectInfo{TOI: toi, OTI: oti(1000, 1, 2), Whole: []BlockRange{{0, 998}}})
	wantBlocks(t, "poisoned", h.engine.Poisoned(toi, nil), BlockRange{998, 1})
	h.engine.Forget(h.now, toi)
	if s := h.engine.Stats(); s.BlocksPoisoned != 0 {
		t.Errorf("%d blocks poisoned of no object", s.BlocksPoisoned)
	}
}

// TestSupplyOfAnOpenBlock takes a block that was asked for and half there.
func TestSupplyOfAnOpenBlock(t *testing.T) {
	h := newHarness(t, Config{MaxAskedBlocks: 1})
	toi := wire.DataTOI(1)
	h.heartbeat(wire.Heartbeat{Started: toi})
	h.wantNACKs()
	h.expect(ObjectInfo{TOI: toi, OTI: oti(6, 3, 6)})
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 0, Count: 1, Symbols: 3})
	h.symbols(toi, 0, 3, 1)
	h.engine.Supply(h.now, toi, 0)
	h.heartbeat(wire.Heartbeat{Started: toi})
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 1, Count: 1, Symbols: 3}) // there is room to ask again
	if h.packet(toi, 0, 3, 2, nil) {
		t.Error("a symbol of a whole block was kept")
	}
	checkBooks(t, h.engine)
}
