package receiver

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// TestHostilePackets throws random packets and heartbeats at an engine: it must not panic,
// exceed a limit, or spin.
func TestHostilePackets(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 3))
		cfg := Config{MaxObjects: 6, MaxUnexpected: 3, MaxOpenBlocks: 20, MaxAskedBlocks: 8, MaxRanges: 10}
		h := newHarness(t, cfg)
		number := func() uint32 {
			if rng.IntN(5) == 0 {
				return rng.Uint32()
			}
			return rng.Uint32N(12)
		}
		tois := []uint32{0, 1, 2, 3, 1 << 31, wire.DataTOI(1), wire.DataTOI(2), wire.DataTOI(3), wire.DataTOI(4), 1<<32 - 1}
		toi := func() uint32 { return tois[rng.IntN(len(tois))] }
		randomOTI := func() fec.OTI {
			return fec.OTI{TransferLength: uint64(rng.Uint64() >> rng.IntN(64)), SymbolLength: uint16(number()), MaxBlock: uint16(number()), MaxSymbols: uint16(number())}
		}
		for step := range 20_000 {
			h.advance(time.Duration(rng.Uint32N(3_000_000)))
			switch rng.IntN(12) {
			case 0:
				beat := wire.Heartbeat{Instance: uint64(rng.IntN(20) / 19), GRTT: time.Duration(rng.Uint64()), Edges: number(), Started: toi(), Truncated: rng.IntN(2) == 0}
				for range rng.IntN(8) {
					beat.First = append(beat.First, wire.Position{TOI: toi(), SBN: number()})
					beat.Outstanding = append(beat.Outstanding, wire.Outstanding{TOI: toi(), SBN: number(), Count: number(), Symbols: uint16(number())})
					beat.Echoes = append(beat.Echoes, wire.Echo{Edge: 5, Counter: uint64(number()), Held: time.Duration(rng.Uint64())})
				}
				h.instance = beat.Instance
				h.heartbeat(beat)
			case 1:
				info := ObjectInfo{TOI: toi(), OTI: randomOTI(), Whole: []BlockRange{{number(), number()}}}
				if rng.IntN(2) == 0 {
					info.OTI = oti(50, 3, 6)
				}
				h.engine.Expect(h.now, info)
			case 2:
				if rng.IntN(10) == 0 {
					h.engine.Forget(h.now, toi())
				}
			case 3:
				h.engine.HandleResult(h.now, Event{BlockReady, toi(), number()}, errors.New("bad"))
			default:
				h.sequence += rng.Uint32N(3)
				o := randomOTI()
				if rng.IntN(2) == 0 {
					o = oti(50, 3, 6)
				}
				with := &o
				if rng.IntN(3) > 0 {
					with = nil
				}
				h.packet(toi(), number(), 1+rng.IntN(3), int(uint16(number())), with)
			}
			for ev, ok := h.engine.NextEvent(); ok; ev, ok = h.engine.NextEvent() {
				if ev.Kind == BlockReady && rng.IntN(10) > 0 {
					var err error
					if rng.IntN(4) == 0 {
						err = errors.New("bad")
					}
					h.engine.HandleResult(h.now, ev, err)
				}
			}
			for n := 0; h.engine.NextFeedback(h.now, &h.message); n++ {
				if n > 10 {
					t.Fatalf("seed %d, step %d: feedback without end", seed, step)
				}
			}
			if at := h.engine.NextTimeout(); at <= h.now {
				t.Fatalf("seed %d, step %d: wants to be called again at once", seed, step)
			}
			checkBooks(t, h.engine, seed, step)
		}
	}
}

// checkBooks compares the counts that an engine keeps with what they count.
func checkBooks(t *testing.T, e *Engine, seed uint64, step int) {
	t.Helper()
	open, claimed, wanted, unexpected := 0, 0, 0, 0
	for _, o := range e.objects.order {
		open += len(o.open)
		if !o.expected {
			unexpected++
		}
		inObject := 0
		for i, b := range o.open {
			if b.asks > 0 || b.wanted {
				claimed++
			}
			if b.wanted {
				inObject++
			}
			if i > 0 && o.open[i-1].sbn >= b.sbn || o.whole.has(b.sbn) || b.sbn >= o.blocks() {
				t.Fatalf("seed %d, step %d: open blocks are wrong", seed, step)
			}
		}
		if wanted += inObject; inObject != o.wanted {
			t.Fatalf("seed %d, step %d: object counts %d wanted, has %d", seed, step, o.wanted, inObject)
		}
	}
	if open != e.blocks.inUse || claimed != e.asking.claimed || wanted != e.asking.wanted || unexpected != e.objects.unexpected {
		t.Fatalf("seed %d, step %d: open %d %d, claimed %d %d, wanted %d %d, unexpected %d %d", seed, step,
			open, e.blocks.inUse, claimed, e.asking.claimed, wanted, e.asking.wanted, unexpected, e.objects.unexpected)
	}
	if open > e.cfg.MaxOpenBlocks || claimed > e.cfg.MaxAskedBlocks || len(e.objects.order) > e.cfg.MaxObjects || unexpected > e.cfg.MaxUnexpected {
		t.Fatalf("seed %d, step %d: over a limit: open %d, claimed %d, objects %d, unexpected %d", seed, step, open, claimed, len(e.objects.order), unexpected)
	}
}

// feeder gives an engine the packets of an endless object, every 20th lost.
type feeder struct {
	engine *Engine
	packet wire.Packet
	now    mono.Time
}

func newFeeder(tb testing.TB) *feeder {
	tb.Helper()
	e, err := New(Config{TSI: 1, Edge: 5}, rand.New(rand.NewPCG(1, 2)), 0)
	if err != nil {
		tb.Fatal(err)
	}
	toi := wire.DataTOI(1)
	if err := e.Expect(0, ObjectInfo{TOI: toi, OTI: oti(1<<31, 200, 255)}); err != nil {
		tb.Fatal(err)
	}
	f := &feeder{engine: e, packet: wire.Packet{TSI: 1, TOI: toi, SourceBlockLength: uint16(200)}}
	f.packet.SourceBlockLength = uint16(e.objects.table[toi].part.SourceSymbols(0))
	return f
}

// next gives one packet; repair symbols make up for losses.
func (f *feeder) next() {
	p := &f.packet
	f.now += 1000
	if p.ESI++; p.ESI == 212 {
		p.ESI = 0
		p.SBN++
	}
	if p.PacketSequence++; p.PacketSequence%20 == 0 {
		return
	}
	f.engine.HandlePacket(f.now, p)
	for ev, ok := f.engine.NextEvent(); ok; ev, ok = f.engine.NextEvent() {
		f.engine.HandleResult(f.now, ev, nil)
	}
}

func TestHandlePacketDoesNotAllocate(t *testing.T) {
	f := newFeeder(t)
	for range 10_000 {
		f.next()
	}
	if n := testing.AllocsPerRun(100, func() {
		for range 300 {
			f.next()
		}
	}); n != 0 {
		t.Errorf("%v allocations for 300 packets", n)
	}
	if s := f.engine.Stats(); s.BlocksDecoded < 100 || s.PacketsInvalid > 0 {
		t.Errorf("%+v", s)
	}
}

func BenchmarkHandlePacket(b *testing.B) {
	f := newFeeder(b)
	for b.Loop() {
		f.next()
	}
}
