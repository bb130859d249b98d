package sender

import (
	"testing"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// TestHoldBack checks that no new group begins while blocks are unfinished, that what is under way
// goes on, and that repair and control do not wait.
func TestHoldBack(t *testing.T) {
	h := newHarness(t, Config{Rate: 10_000_000, MaxUnfinished: 1, InitialGRTT: 10 * ms})
	toi := wire.DataTOI(1)
	h.add(ObjectInfo{TOI: toi, OTI: oti(4000, 40, 50)})
	for h.engine.Stats().SourceSymbolsSent < 1000 {
		h.quiet(ms)
	}
	h.ask(toi, 0, 3)
	width := uint64(h.engine.interleave(h.engine.objects.table[toi])) * 40
	before := h.engine.Stats()
	for range 8 {
		h.quiet(ms)
	}
	s := h.engine.Stats()
	if s.BlocksUnfinished != 1 || s.RepairSymbolsSent != 3 || s.SourceSymbolsSent > before.SourceSymbolsSent+width {
		t.Errorf("with a block unfinished: %+v", s)
	}
	if at := h.engine.NextTimeout(); at <= h.now || at > h.now.Add(scanInterval) {
		t.Errorf("wants to be called in %v", at.Sub(h.now))
	}
	h.add(ObjectInfo{TOI: 1, OTI: oti(1, 1, 1)})
	if got := h.next(); got != "control 1: 0,0" {
		t.Errorf("control waits: %q", got)
	}
	for range 50 {
		h.quiet(ms)
	}
	if s := h.engine.Stats(); s.BlocksUnfinished != 0 || s.SourceSymbolsSent < before.SourceSymbolsSent+width+100 {
		t.Errorf("nobody has asked for it again: %+v", s)
	}
}

// TestHoldBackCounts checks which blocks count.
func TestHoldBackCounts(t *testing.T) {
	h := newHarness(t, Config{MaxUnfinished: 100, InitialGRTT: 10 * ms})
	fresh, old := wire.DataTOI(1), wire.DataTOI(2)
	h.add(ObjectInfo{TOI: fresh, OTI: oti(4000, 80, 100)})
	h.add(ObjectInfo{TOI: old, OTI: oti(4000, 80, 100), Sent: true})
	for h.engine.activity() != idle {
		h.quiet(ms)
	}
	h.ask(old, 0, 3)
	h.ask(fresh, 0, 80) // was not there
	if got := h.engine.Stats().BlocksUnfinished; got != 0 {
		t.Errorf("%d blocks count", got)
	}
	h.ask(fresh, 1, 3)
	h.ask(fresh, 2, 40)
	h.ask(fresh, 1, 5)
	if got := h.engine.Stats().BlocksUnfinished; got != 2 {
		t.Errorf("%d blocks count, want 2", got)
	}
	h.engine.Cancel(h.now, fresh)
	if hold := &h.engine.repairs.hold; len(hold.list) != 0 || hold.bytes != 0 {
		t.Errorf("of a cancelled object %d blocks count, and %d bytes", len(hold.list), hold.bytes)
	}
}

// TestHoldBackEnds checks that an edge that asks for all blocks again and again does not stop new data.
func TestHoldBackEnds(t *testing.T) {
	h := newHarness(t, Config{Rate: 50_000_000, MaxUnfinished: 4, InitialGRTT: 10 * ms})
	toi := wire.DataTOI(1)
	h.add(ObjectInfo{TOI: toi, OTI: oti(20*40, 20, 50)})
	for h.engine.objects.table[toi].passing() {
		if h.now > mono.Time(30*time.Second) {
			t.Fatalf("after %v block %d has not been sent", time.Duration(h.now), h.engine.objects.table[toi].pass.position)
		}
		h.quiet(ms)
		for _, ok := h.engine.NextEvent(); ok; _, ok = h.engine.NextEvent() {
		}
		for sbn := range h.engine.objects.table[toi].pass.position {
			h.ask(toi, sbn, 5)
		}
	}
}

// TestHoldBackMemory checks the default: what fits into 64 MiB, or 4,096 blocks.
func TestHoldBackMemory(t *testing.T) {
	for _, test := range []struct{ symbols, k, want int }{{200, 200, 239}, {10, 10, unfinishedBlocks}} {
		o, err := newObject(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(test.symbols, test.k, 255)}, 0)
		if err != nil {
			t.Fatal(err)
		}
		var h holdback
		for !h.over() {
			b := &block{object: o, k: test.k * 14} // symbols of 100 bytes instead of 1,400
			h.add(0, b)
		}
		if len(h.list) < test.want-2 || len(h.list) > test.want+2 {
			t.Errorf("%d blocks of %d symbols, want about %d", len(h.list), test.k, test.want)
		}
	}
}
