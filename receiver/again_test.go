package receiver

import (
	"testing"

	"fanfare/internal/wire"
)

// TestAskedTwiceAtTheEnd checks when an ask is repeated at once.
func TestAskedTwiceAtTheEnd(t *testing.T) {
	toi := wire.DataTOI(1)
	const blocks = againBlocks + 2
	ask := wire.NACK{TOI: toi, SBN: 0, Count: 1, Symbols: 1}
	first := []wire.Position{{TOI: toi, SBN: 2}}
	for _, test := range []struct {
		name     string
		edges    uint32
		position uint32 // of the first pass
		between  func(h *harness)
		again    bool
	}{
		{"the first pass is almost over", 4, 2, func(*harness) {}, true},
		{"it is not", 4, 1, func(*harness) {}, false},
		{"many edges", againGroup + 1, 2, func(*harness) {}, false},
		{"answered", 4, 2, func(h *harness) { h.symbols(toi, 0, 3, 3) }, false},
		{"acknowledged", 4, 2, func(h *harness) {
			h.heartbeat(wire.Heartbeat{Edges: 4, GRTT: 20 * ms, Started: toi, First: first, Echoes: []wire.Echo{{Edge: h.engine.cfg.Edge, Counter: h.message.Counter}}})
		}, false},
		{"on its way", 4, 2, func(h *harness) {
			h.heartbeat(wire.Heartbeat{Edges: 4, GRTT: 20 * ms, Started: toi, First: first, Outstanding: []wire.Outstanding{{TOI: toi, Count: 1, Symbols: 1}}})
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, Config{})
			h.expect(ObjectInfo{TOI: toi, OTI: oti(3*blocks, 3, 6)})
			h.symbols(toi, 0, 3, 0, 1)
			h.symbols(toi, 1, 3, 0, 1, 2)
			beat := wire.Heartbeat{Edges: test.edges, GRTT: 20 * ms, Started: toi}
			beat.First = []wire.Position{{TOI: toi, SBN: test.position}}
			h.heartbeat(beat)
			h.wantEvents(Event{Kind: SenderHeard}, Event{BlockReady, toi, 1})
			h.wantNACKs(ask)
			h.advance(againAfter / 2)
			test.between(h)
			h.wantNACKs()
			h.advance(againAfter / 2)
			if test.again {
				h.wantNACKs(ask)
			}
			h.wantNACKs()
			h.advance(5 * ms)
			h.wantNACKs()
			if s := h.engine.Stats(); s.BlocksAsked != 1 {
				t.Errorf("%d blocks asked for, want 1", s.BlocksAsked)
			}
		})
	}
}
