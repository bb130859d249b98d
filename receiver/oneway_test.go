package receiver

import (
	"testing"
	"time"

	"fanfare/internal/wire"
)

// silent checks that the engine has nothing to send and does not want to be called again at once.
func (h *harness) silent() {
	h.t.Helper()
	if h.engine.NextFeedback(h.now, &h.message) {
		h.t.Fatalf("sends %d NACKs, report %v", len(h.message.NACKs), h.message.Report != nil)
	}
	if at := h.engine.NextTimeout(); at <= h.now {
		h.t.Fatal("wants to be called again at once")
	}
}

// TestOneWayCycles has blocks completed with symbols of two cycles, hours apart.
func TestOneWayCycles(t *testing.T) {
	h := newHarness(t, Config{OneWay: true})
	toi, o := wire.DataTOI(3), oti(8, 4, 12)
	// Nothing was sent that could be acknowledged: such a hint is forged.
	past := wire.Heartbeat{GRTT: 20 * ms, Started: toi, Echoes: []wire.Echo{{Edge: 5, Counter: 7, Demoted: true}}}
	h.heartbeat(past)
	h.wantEvents(Event{Kind: SenderHeard})
	h.expect(ObjectInfo{TOI: toi, OTI: o})
	h.symbols(toi, 0, 4, 0, 2, 5)
	h.symbols(toi, 1, 4, 1, 2)
	for range 100 { // everything is due, and the engine is asked to report
		h.engine.RequestReport(h.now)
		h.heartbeat(past)
		h.silent()
		h.advance(50 * ms)
		h.silent()
	}
	h.advance(3 * time.Hour)
	h.wantEvents(Event{Kind: SenderSilent})
	h.heartbeat(past)
	h.wantEvents(Event{Kind: SenderHeard})
	if h.packet(toi, 0, 4, 5, nil) {
		t.Error("kept a symbol of an earlier cycle again")
	}
	h.symbols(toi, 0, 4, 7)
	h.symbols(toi, 1, 4, 6, 11)
	h.wantEvents(Event{BlockReady, toi, 0}, Event{BlockReady, toi, 1}, Event{Kind: ObjectWhole, TOI: toi})
	h.silent()
	if s := h.engine.Stats(); s.NACKsSent+s.ReportsSent != 0 || h.engine.counter != 0 {
		t.Errorf("%d NACKs, %d reports", s.NACKsSent, s.ReportsSent)
	}
}

// TestOneWayUnexpected checks that an object waits for its entry as long as a cycle may take, but
// not for ever.
func TestOneWayUnexpected(t *testing.T) {
	h := newHarness(t, Config{OneWay: true})
	toi, o := wire.DataTOI(7), oti(8, 4, 12)
	h.packet(toi, 0, 4, 0, &o)
	h.advance(30 * time.Minute)
	h.heartbeat(wire.Heartbeat{})
	h.wantEvents(Event{Kind: SenderHeard}, Event{Kind: SenderSilent}, Event{Kind: SenderHeard})
	h.symbols(toi, 0, 4, 1, 2)
	h.advance(unexpectedKeepOneWay + time.Second)
	h.heartbeat(wire.Heartbeat{})
	h.wantEvents(Event{Kind: SenderSilent}, Event{Kind: SenderHeard}, Event{Kind: ObjectDropped, TOI: toi})
}

// TestOneWayRestart checks that what came from one instance of the sender counts with what comes
// from the next.
func TestOneWayRestart(t *testing.T) {
	h := newHarness(t, Config{OneWay: true})
	toi := wire.DataTOI(3)
	h.heartbeat(wire.Heartbeat{})
	h.expect(ObjectInfo{TOI: toi, OTI: oti(4, 4, 12)})
	h.symbols(toi, 0, 4, 0, 1)
	h.instance, h.sequence = 100, 5
	h.heartbeat(wire.Heartbeat{})
	h.symbols(toi, 0, 4, 4, 5)
	h.wantEvents(Event{Kind: SenderHeard}, Event{Kind: SenderRestarted}, Event{BlockReady, toi, 0}, Event{Kind: ObjectWhole, TOI: toi})
	h.silent()
}

// TestOneWayOpenBlocks fills the table of open blocks: what is there stays, and what finds no room
// is refused until the next cycle.
func TestOneWayOpenBlocks(t *testing.T) {
	h := newHarness(t, Config{OneWay: true, MaxOpenBlocks: 8})
	toi := wire.DataTOI(1)
	h.expect(ObjectInfo{TOI: toi, OTI: oti(4*10, 4, 12)})
	for cycle := range 4 {
		for sbn := range uint32(10) { // half of what a block needs in each cycle
			h.packet(toi, sbn, 4, 2*cycle, nil)
			h.packet(toi, sbn, 4, 2*cycle+1, nil)
		}
		for ev, ok := h.engine.NextEvent(); ok; ev, ok = h.engine.NextEvent() {
			h.engine.HandleResult(h.now, ev, nil)
		}
		if open := h.engine.Stats().OpenBlocks; open > 8 {
			t.Fatalf("%d blocks are open", open)
		}
		h.advance(time.Minute)
	}
	if s := h.engine.Stats(); s.ObjectsWhole != 1 || s.SymbolsRefused == 0 {
		t.Errorf("%d objects whole, %d symbols refused", s.ObjectsWhole, s.SymbolsRefused)
	}
}

// TestEmptied checks that a block whose symbols the store lost begins anew.
func TestEmptied(t *testing.T) {
	h := newHarness(t, Config{OneWay: true})
	toi := wire.DataTOI(3)
	h.expect(ObjectInfo{TOI: toi, OTI: oti(4, 4, 12)})
	h.symbols(toi, 0, 4, 0, 1, 5)
	h.engine.Emptied(h.now, toi, 0)
	h.engine.Emptied(h.now, toi, 1)
	h.engine.Emptied(h.now, wire.DataTOI(4), 0)
	h.symbols(toi, 0, 4, 0, 1, 2)
	h.wantEvents(Event{Kind: SenderHeard})
	h.symbols(toi, 0, 4, 7)
	h.engine.Emptied(h.now, toi, 0) // too late: it is the loop's turn
	h.wantEvents(Event{BlockReady, toi, 0}, Event{Kind: ObjectWhole, TOI: toi})
	if n := h.engine.Stats().BlocksEmptied; n != 1 {
		t.Errorf("%d blocks emptied", n)
	}
}
