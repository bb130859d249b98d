package receiver

import (
	"testing"

	"fanfare/internal/wire"
)

// What has yet to be sent, or to be sent further, is not asked for, even if a newer object has begun.
func TestWaitingObjectsAreNotAskedFor(t *testing.T) {
	h := newHarness(t, Config{})
	for n := uint64(1); n <= 5; n++ {
		h.expect(ObjectInfo{TOI: wire.DataTOI(n), OTI: oti(4, 2, 4)})
	}
	waiting := []wire.TOIRange{{First: wire.DataTOI(2), Last: wire.DataTOI(4)}}
	h.heartbeat(wire.Heartbeat{
		Started: wire.DataTOI(5), Waiting: waiting,
		// 3 was suspended after its first block, 5 is in its first pass.
		First: []wire.Position{{TOI: wire.DataTOI(5)}, {TOI: wire.DataTOI(3), SBN: 1}},
	})
	h.wantNACKs(wire.NACK{TOI: wire.DataTOI(1), Count: 2, Symbols: 2}, wire.NACK{TOI: wire.DataTOI(3), Count: 1, Symbols: 2})
	// 3 is suspended still, and nothing tells its position any more; 2 was sent.
	h.heartbeat(wire.Heartbeat{
		Started: wire.DataTOI(5), Waiting: []wire.TOIRange{{First: wire.DataTOI(3), Last: wire.DataTOI(4)}},
		First: []wire.Position{{TOI: wire.DataTOI(5)}},
	})
	h.wantNACKs(wire.NACK{TOI: wire.DataTOI(2), Count: 2, Symbols: 2})
	if h.engine.objects.table[wire.DataTOI(3)].position != 1 {
		t.Error("the position of an object that waits was moved")
	}
}
