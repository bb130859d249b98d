package sender

import (
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// TestHostileFeedback throws random messages at an engine: it must not panic, nor exceed a limit
// or its rate.
func TestHostileFeedback(t *testing.T) {
	const rate = 20_000_000
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 3))
		h := newHarness(t, Config{Rate: rate, MaxRepairBlocks: 50, MaxEdges: 30, MaxObjects: 8})
		h.add(ObjectInfo{TOI: 1, OTI: oti(1, 1, 1)})
		h.add(ObjectInfo{TOI: 2, OTI: oti(3, 3, 5)})
		h.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(5000, 20, 25)})
		h.add(ObjectInfo{TOI: wire.DataTOI(2), OTI: oti(1, 1, 1)})
		h.add(ObjectInfo{TOI: wire.DataTOI(3), OTI: oti(1<<20, 255, 255), Sent: true})
		number := func() uint32 {
			switch rng.IntN(4) {
			case 0:
				return rng.Uint32()
			case 1:
				return h.engine.sequence - rng.Uint32N(100)
			}
			return rng.Uint32N(8)
		}
		tois := []uint32{0, 1, 2, 3, 1 << 31, wire.DataTOI(1), wire.DataTOI(2), wire.DataTOI(3), wire.DataTOI(4), 1<<32 - 1}
		for h.now < mono.Time(time.Second) {
			h.advance(time.Duration(rng.Uint32N(2_000_000)))
			f := wire.Feedback{
				TSI: 1, Edge: uint64(rng.IntN(60)), Counter: rng.Uint64(), Instance: 99 + uint64(rng.IntN(2)),
				PacketSequence: number(), EchoTime: number(), EchoHeld: time.Duration(rng.Int64()) - 1<<62,
				Report: &wire.Report{LossPPM: rng.Uint32()},
			}
			for range rng.IntN(wire.MaxNACKs) {
				f.NACKs = append(f.NACKs, wire.NACK{TOI: tois[rng.IntN(len(tois))], SBN: number(), Count: number(), Symbols: uint16(number())})
			}
			h.engine.HandleFeedback(h.now, &f)
			for _, ok := h.engine.NextEvent(); ok; _, ok = h.engine.NextEvent() {
			}
			for h.next() != "" {
			}
			if h.engine.NextTimeout() <= h.now && !h.engine.events.waiting() {
				t.Fatalf("seed %d: wants to be called again at once", seed)
			}
			s := h.engine.Stats()
			if s.RepairBlocks > 50 || s.Edges > 30 || s.Objects > 8 || len(h.engine.unknowns.asks) > maxUnknowns || s.RepairQueue > 50*255 {
				t.Fatalf("seed %d: over a limit: %+v", seed, s)
			}
			if s.GRTT > maxRTT {
				t.Fatalf("seed %d: GRTT %v", seed, s.GRTT)
			}
		}
		s := h.engine.Stats()
		// Control may run ahead by the bucket; heartbeats take what they take.
		most := rate/8 + 3*burstBytes + int(s.HeartbeatsSent)*(heartbeatBytes+100)
		if int(s.BytesSent) > most {
			t.Errorf("seed %d: %d bytes sent, at most %d", seed, s.BytesSent, most)
		}
	}
}

func TestNextPacketDoesNotAllocate(t *testing.T) {
	h := newHarness(t, Config{Rate: 10_000_000_000})
	toi := wire.DataTOI(1)
	h.add(ObjectInfo{TOI: toi, OTI: oti(1_000_000, 200, 255)})
	f := wire.Feedback{TSI: 1, Edge: 5, Instance: 99, NACKs: []wire.NACK{{TOI: toi, Count: 8, Symbols: 3}}}
	round := func() {
		h.now = h.now.Add(100 * time.Microsecond)
		f.Counter++
		f.PacketSequence = h.engine.sequence - 1
		h.engine.HandleFeedback(h.now, &f)
		for h.engine.NextPacket(h.now, &h.packet) {
			if h.packet.TOI == wire.HeartbeatTOI {
				h.engine.Advertise(h.now, &h.beat)
			}
		}
	}
	for range 100 {
		round()
	}
	if n := testing.AllocsPerRun(200, round); n != 0 {
		t.Errorf("%v allocations a round", n)
	}
}

func BenchmarkNextPacket(b *testing.B) {
	e, err := New(Config{TSI: 1, Rate: maxRate}, rand.New(rand.NewPCG(1, 2)), 0)
	if err != nil {
		b.Fatal(err)
	}
	if err := e.Add(0, ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(1<<31, 200, 255)}); err != nil {
		b.Fatal(err)
	}
	var p wire.Packet
	now := mono.Time(0)
	for b.Loop() {
		now += 1000
		e.NextPacket(now, &p)
	}
}
