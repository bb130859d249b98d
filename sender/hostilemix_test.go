package sender

import (
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// TestHostileMix mixes invented and real-looking edges with objects of all classes that come, go and
// wait: counts must stay true, and first passes end when the noise does.
func TestHostileMix(t *testing.T) {
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 5))
		cfg := Config{Rate: 50_000_000, MaxRepairBlocks: 60, MaxEdges: 40, MaxObjects: 30, MaxUnfinished: int(seed % 3 * 5)}
		if seed%2 == 1 {
			cfg.MinRate = 5_000_000
		}
		h := newHarness(t, cfg)
		sequence, passing := uint64(0), map[uint32]bool{}
		events := func() {
			for ev, ok := h.engine.NextEvent(); ok; ev, ok = h.engine.NextEvent() {
				if ev.Kind == FirstPassDone || ev.Kind == ObjectForgotten {
					delete(passing, ev.TOI)
				}
			}
		}
		step := func(d time.Duration) {
			h.advance(d)
			h.engine.HandleTimeout(h.now)
			for n := 0; h.next() != ""; n++ {
				if n > 100_000 {
					t.Fatalf("seed %d: packets without end", seed)
				}
			}
			events()
			if h.engine.NextTimeout() <= h.now {
				t.Fatalf("seed %d: wants to be called again at once", seed)
			}
		}
		for h.now < mono.Time(12*time.Second) {
			switch rng.IntN(12) {
			case 0:
				sequence++
				o := ObjectInfo{TOI: wire.DataTOI(sequence), OTI: oti(1+rng.IntN(3000), 20, 25+rng.IntN(200)), Priority: Priority(rng.IntN(3)), Proactive: rng.IntN(4) - 1}
				if h.engine.Add(h.now, o) == nil {
					passing[o.TOI] = true
				}
				events()
			case 1:
				toi := wire.DataTOI(1 + rng.Uint64N(sequence+1))
				h.engine.Cancel(h.now, toi)
				delete(passing, toi)
			case 2:
				first := 1 + rng.Uint64N(sequence+2)
				h.engine.Withhold(wire.DataTOI(first), wire.DataTOI(first+rng.Uint64N(9)))
			}
			for range rng.IntN(12) {
				id := uint64(rng.IntN(60))
				h.counter++
				f := wire.Feedback{
					TSI: 1, Edge: id, Counter: h.counter, Instance: 99 - uint64(rng.IntN(9)/8),
					PacketSequence: h.engine.sequence - rng.Uint32N(300), EchoTime: sendTime(h.now) - rng.Uint32N(50_000),
				}
				if rng.IntN(2) == 0 {
					f.Report = &wire.Report{
						PacketsReceived: uint64(h.counter) * 50, PacketsLost: rng.Uint64() >> rng.IntN(64), Complete: rng.Uint64N(sequence + 3),
						LossPPM: uint32(id%7) * 90_000, LossEventPPM: rng.Uint32() >> rng.IntN(32), BurstMilli: rng.Uint32() >> rng.IntN(32),
					}
				}
				for range rng.IntN(6) {
					f.NACKs = append(f.NACKs, wire.NACK{TOI: wire.DataTOI(1 + rng.Uint64N(sequence+1)), SBN: rng.Uint32N(160), Count: 1 + rng.Uint32N(20), Symbols: uint16(rng.IntN(25))})
				}
				h.engine.HandleFeedback(h.now, &f)
			}
			step(time.Duration(rng.Uint32N(8_000_000)))
			h.engine.Advertise(h.now, &h.beat)
			demoted := 0
			for _, e := range h.engine.edges.table {
				if e.Demoted {
					demoted++
				}
				if e.payer.active < 0 || e.payer.bulk < 0 {
					t.Fatalf("seed %d: somebody paid %+v", seed, e.payer)
				}
			}
			s := h.engine.Stats()
			if demoted != s.EdgesDemoted || s.RepairBlocks > 60 || s.Edges > 40 || s.Objects > 30 || s.RepairQueue < 0 || h.engine.repairs.hold.bytes < 0 {
				t.Fatalf("seed %d: %d demoted, %+v", seed, demoted, s)
			}
			if len(h.beat.First) > wire.MaxPositions || len(h.beat.Waiting) > wire.MaxWaiting {
				t.Fatalf("seed %d: %+v", seed, h.beat)
			}
		}
		for range 12_000 {
			step(5 * time.Millisecond)
		}
		if len(passing) > 0 || h.engine.Stats().RepairQueue != 0 || h.engine.schedule.passing() {
			t.Fatalf("seed %d: %d first passes are not over, %+v", seed, len(passing), h.engine.Stats())
		}
	}
}
