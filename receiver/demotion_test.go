package receiver

import (
	"testing"

	"fanfare/internal/wire"
)

// TestDemoted checks that a demoted receiver asks for no data, but for control objects and with
// reports, and that it asks for everything once it is promoted.
func TestDemoted(t *testing.T) {
	h := newHarness(t, Config{})
	toi, control := wire.DataTOI(3), wire.ControlTOI(3)
	beat := wire.Heartbeat{GRTT: 20 * ms, Edges: 30, Started: toi, First: []wire.Position{{TOI: toi, SBN: 2}}}
	h.heartbeat(beat)
	h.wantEvents(Event{Kind: SenderHeard})
	h.expect(ObjectInfo{TOI: toi, OTI: oti(30, 10, 15)})
	h.heartbeat(beat)
	h.wantNACKs(wire.NACK{TOI: toi, Count: 2, Symbols: 10})

	h.advance(30 * ms)
	beat.Echoes = []wire.Echo{{Edge: 6, Counter: 1}, {Edge: 5, Demoted: true}}
	h.heartbeat(beat)
	h.wantEvents(Event{Kind: Demoted})
	h.wantNACKs()
	h.expect(ObjectInfo{TOI: control})
	h.advance(30 * ms)
	h.heartbeat(beat)
	h.wantNACKs(wire.NACK{TOI: control, Count: 1, Symbols: wire.NeedAll})
	before := h.engine.Stats().ReportsSent
	h.advance(idleInterval * 3 / 2)
	h.wantNACKs()
	if h.engine.Stats().ReportsSent == before {
		t.Error("a demoted receiver does not report")
	}
	if got := h.engine.Missing(toi, nil); len(got) != 1 || got[0] != (BlockRange{SBN: 0, Count: 2}) {
		t.Errorf("misses %v", got)
	}
	if !h.engine.Supply(h.now, toi, 0) {
		t.Error("a block was not wanted")
	}

	beat.Echoes[1].Demoted = false
	h.heartbeat(beat)
	h.wantEvents(Event{Kind: Promoted})
	h.wantNACKs(wire.NACK{TOI: control, Count: 1, Symbols: wire.NeedAll}, wire.NACK{TOI: toi, SBN: 1, Count: 1, Symbols: 10})

	beat.Echoes[1].Demoted = true
	h.heartbeat(beat)
	h.wantEvents(Event{Kind: Demoted})
	h.instance++ // a new sender knows nothing of it
	h.heartbeat(wire.Heartbeat{GRTT: 20 * ms, Edges: 30, Started: toi})
	h.wantEvents(Event{Kind: SenderRestarted}, Event{Kind: Promoted})
	if h.engine.Demoted() {
		t.Error("demoted by a sender that is gone")
	}
}
