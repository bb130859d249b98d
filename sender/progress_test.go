package sender

import (
	"testing"

	"fanfare/internal/wire"
)

// What is over but lies in a range of objects that wait is told of in turn, all of it: an edge that
// lost it must not wait until the others have been sent.
func TestHiddenObjectsAreTold(t *testing.T) {
	for _, running := range []bool{false, true} {
		h := newHarness(t, Config{Rate: fast})
		const pairs = 60
		for n := range uint64(pairs) {
			h.add(ObjectInfo{TOI: wire.DataTOI(2*n + 1), OTI: oti(100_000, 100, 200), Priority: Background})
			h.add(ObjectInfo{TOI: wire.DataTOI(2*n + 2), OTI: oti(10, 10, 20)})
		}
		h.drain(pairs*10 + 1000)
		if running { // fewer places are left
			for n := range uint64(3) {
				h.add(ObjectInfo{TOI: wire.DataTOI(1000 + n), OTI: oti(100_000, 100, 200)})
			}
			h.drain(5000)
		}
		askable := map[uint32]bool{}
		for range 4 * pairs {
			h.engine.Advertise(h.now, &h.beat)
			if len(h.beat.First) > wire.MaxPositions {
				t.Fatalf("%d positions", len(h.beat.First))
			}
			for n := range uint64(pairs) {
				toi := wire.DataTOI(2*n + 2)
				askable[toi] = askable[toi] || !within(h.beat.Waiting, toi)
			}
			for _, p := range h.beat.First {
				if int(p.TOI)%2 == 0 && p.SBN == 1 {
					askable[p.TOI] = true
				}
			}
		}
		for n := range uint64(pairs) {
			if !askable[wire.DataTOI(2*n+2)] {
				t.Fatalf("running %v: no heartbeat says that object %d is over", running, 2*n+2)
			}
		}
	}
}
