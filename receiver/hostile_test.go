package receiver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// hostile makes random inputs, most of them nearly right.
type hostile struct {
	*harness
	rng *rand.Rand
}

func (h *hostile) number() uint32 {
	if h.rng.IntN(5) == 0 {
		return h.rng.Uint32()
	}
	return h.rng.Uint32N(12)
}

func (h *hostile) toi() uint32 {
	tois := []uint32{0, 1, 2, 3, 1 << 31, wire.DataTOI(1), wire.DataTOI(2), wire.DataTOI(3), wire.DataTOI(4), 1<<32 - 1}
	return tois[h.rng.IntN(len(tois))]
}

func (h *hostile) oti() fec.OTI {
	if h.rng.IntN(2) == 0 {
		return oti(50, 3, 6)
	}
	return fec.OTI{
		TransferLength: h.rng.Uint64() >> h.rng.IntN(64), SymbolLength: uint16(h.number()),
		MaxBlock: uint16(h.number()), MaxSymbols: uint16(h.number()),
	}
}

func (h *hostile) beat() wire.Heartbeat {
	beat := wire.Heartbeat{
		Instance: uint64(h.rng.IntN(20) / 19), GRTT: time.Duration(h.rng.Uint64()), Edges: h.number(),
		Started: h.toi(), Truncated: h.rng.IntN(2) == 0, ReportInterval: time.Duration(h.rng.Uint64()) >> h.rng.IntN(64),
	}
	for range h.rng.IntN(wire.MaxWaiting + 1) {
		beat.Waiting = append(beat.Waiting, wire.TOIRange{First: h.toi(), Last: h.toi()})
	}
	for range h.rng.IntN(8) {
		beat.First = append(beat.First, wire.Position{TOI: h.toi(), SBN: h.number()})
		beat.Outstanding = append(beat.Outstanding, wire.Outstanding{TOI: h.toi(), SBN: h.number(), Count: h.number(), Symbols: uint16(h.number())})
		beat.Echoes = append(beat.Echoes, wire.Echo{Edge: 5, Counter: uint64(h.number()), Held: time.Duration(h.rng.Uint64()), Demoted: h.rng.IntN(2) == 0})
	}
	return beat
}

// input gives the engine one input.
func (h *hostile) input() {
	switch h.rng.IntN(14) {
	case 0:
		beat := h.beat()
		h.instance = beat.Instance
		h.heartbeat(beat)
	case 1:
		// Whether it is refused is as random as the rest.
		_ = h.engine.Expect(h.now, ObjectInfo{TOI: h.toi(), OTI: h.oti(), Whole: []BlockRange{{h.number(), h.number()}}})
	case 2:
		if h.rng.IntN(10) == 0 {
			h.engine.Forget(h.now, h.toi())
		}
	case 3:
		h.engine.HandleResult(h.now, Event{BlockReady, h.toi(), h.number()}, h.failure())
	case 4:
		h.engine.Supply(h.now, h.toi(), h.number())
	case 5:
		toi := h.toi()
		for _, run := range append(h.engine.Missing(toi, nil), h.engine.Poisoned(toi, nil)...) {
			if o := h.engine.objects.table[toi]; run.Count == 0 || o.whole.has(run.SBN) || run.SBN+run.Count > o.blocks() {
				h.t.Fatalf("%v is missing", run)
			}
		}
	default:
		h.sequence += h.rng.Uint32N(3)
		var with *fec.OTI
		if h.rng.IntN(3) == 0 {
			o := h.oti()
			with = &o
		}
		h.packet(h.toi(), h.number(), 1+h.rng.IntN(3), int(uint16(h.number())), with)
	}
}

// failure is a bad result.
func (h *hostile) failure() error {
	if h.rng.IntN(2) == 0 {
		return ErrPoisoned
	}
	return errors.New("bad")
}

// answer drains the outputs; some results are bad, and some never come.
func (h *hostile) answer() {
	for ev, ok := h.engine.NextEvent(); ok; ev, ok = h.engine.NextEvent() {
		if ev.Kind != BlockReady || h.rng.IntN(10) == 0 {
			continue
		}
		var err error
		if h.rng.IntN(4) == 0 {
			err = h.failure()
		}
		h.engine.HandleResult(h.now, ev, err)
	}
	for n := 0; h.engine.NextFeedback(h.now, &h.message); n++ {
		if n > 10 {
			h.t.Fatal("feedback without end")
		}
	}
	if at := h.engine.NextTimeout(); at <= h.now {
		h.t.Fatal("wants to be called again at once")
	}
}

// TestHostileInputs throws random packets and heartbeats at an engine: it must not panic,
// exceed a limit, spin, or lose count.
func TestHostileInputs(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			cfg := Config{MaxObjects: 6, MaxUnexpected: 3, MaxOpenBlocks: 20, MaxAskedBlocks: 8, MaxRanges: 10, Unicast: seed%2 == 0}
			h := hostile{newHarness(t, cfg), rand.New(rand.NewPCG(seed, 3))}
			for range 10_000 {
				h.advance(time.Duration(h.rng.Uint32N(3_000_000)))
				h.input()
				h.answer()
				checkBooks(t, h.engine)
			}
		})
	}
}

// checkBooks compares the counts that an engine keeps with what they count.
func checkBooks(t *testing.T, e *Engine) {
	t.Helper()
	open, claimed, wanted, unexpected, poisoned, runs := 0, 0, 0, 0, 0, 0
	for _, o := range e.objects.order {
		runs += len(o.whole.runs) + len(o.poisoned.runs)
		open += len(o.open)
		poisoned += int(o.poisoned.count)
		if len(o.poisoned.runs) > e.cfg.MaxRanges {
			t.Fatalf("%d runs of poisoned blocks", len(o.poisoned.runs))
		}
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
			if i > 0 && o.open[i-1].sbn >= b.sbn || o.whole.has(b.sbn) || o.poisoned.has(b.sbn) || b.sbn >= o.blocks() {
				t.Fatal("open blocks are wrong")
			}
		}
		if wanted += inObject; inObject != o.wanted {
			t.Fatalf("object counts %d wanted, has %d", o.wanted, inObject)
		}
	}
	if open != e.blocks.inUse || claimed != e.asking.claimed || wanted != e.asking.wanted || unexpected != e.objects.unexpected {
		t.Fatalf("open %d %d, claimed %d %d, wanted %d %d, unexpected %d %d",
			open, e.blocks.inUse, claimed, e.asking.claimed, wanted, e.asking.wanted, unexpected, e.objects.unexpected)
	}
	if poisoned != e.stats.BlocksPoisoned {
		t.Fatalf("poisoned %d %d", poisoned, e.stats.BlocksPoisoned)
	}
	if runs != e.objects.runs {
		t.Fatalf("%d runs of blocks, counted %d", runs, e.objects.runs)
	}
	if open > e.cfg.MaxOpenBlocks || claimed > e.cfg.MaxAskedBlocks || len(e.objects.order) > e.cfg.MaxObjects || unexpected > e.cfg.MaxUnexpected {
		t.Fatalf("over a limit: open %d, claimed %d, objects %d, unexpected %d", open, claimed, len(e.objects.order), unexpected)
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

// TestForgedNumbers forges packets with numbers far ahead or in the place of what the sender will
// send: the receiver must listen to it again soon after.
func TestForgedNumbers(t *testing.T) {
	for _, test := range []struct {
		name string
		step uint32
		n    int
	}{
		{"a far jump", 1 << 30, 1}, {"the farthest jump", 1 << 31, 1}, {"a jump that could be loss", maxJump, 1}, {"the numbers to come", 1, windowBits},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t, Config{})
			h.heartbeat(wire.Heartbeat{})
			honest := h.sequence
			for range test.n {
				h.sequence += test.step - 1
				h.heartbeat(wire.Heartbeat{Started: wire.DataTOI(1), GRTT: time.Hour, Edges: 1e6})
			}
			h.sequence = honest
			toi := wire.DataTOI(4)
			h.expect(ObjectInfo{TOI: toi, OTI: oti(1, 1, 3)})
			for range 5 {
				h.advance(time.Second)
				h.heartbeat(wire.Heartbeat{Started: toi})
			}
			h.wantNACKs(wire.NACK{TOI: toi, Count: 1, Symbols: 1})
			if h.engine.Stats().Edges != 0 || h.engine.loss.highest != h.sequence {
				t.Errorf("still believes in %d edges, and packet %d instead of %d", h.engine.Stats().Edges, h.engine.loss.highest, h.sequence)
			}
			if !h.packet(toi, 0, 1, 0, nil) {
				t.Error("a symbol is refused")
			}
		})
	}
}

// TestForgedBackoff forges a heartbeat of a huge and slow group: an ask that waits because of it
// goes out soon after the next true one.
func TestForgedBackoff(t *testing.T) {
	h := newHarness(t, Config{})
	toi := wire.DataTOI(4)
	h.heartbeat(wire.Heartbeat{})
	h.expect(ObjectInfo{TOI: toi, OTI: oti(1, 1, 3)})
	h.heartbeat(wire.Heartbeat{Started: toi, GRTT: time.Hour, Edges: 1e6})
	h.wantNACKs()
	h.heartbeat(wire.Heartbeat{Started: toi})
	h.advance(lateMost)
	h.wantNACKs(wire.NACK{TOI: toi, Count: 1, Symbols: 1})
}

// TestForgedObjects fills the table with huge objects that no entry announces: they are not asked
// for, and leave room for what is.
func TestForgedObjects(t *testing.T) {
	h := newHarness(t, Config{MaxOpenBlocks: 64, MaxAskedBlocks: 8})
	huge := fec.OTI{TransferLength: fec.MaxTransferLength, SymbolLength: 1408, MaxBlock: 200, MaxSymbols: 255}
	h.heartbeat(wire.Heartbeat{Started: wire.DataTOI(100)})
	for i := range 100 {
		h.packet(wire.DataTOI(uint64(1+i%10)), uint32(1000*i), 200, 0, &huge)
		h.packet(wire.ControlTOI(uint64(1+i%10)), 0, 10, 0, &fec.OTI{TransferLength: 10, SymbolLength: 1, MaxBlock: 10, MaxSymbols: 255})
	}
	toi := wire.DataTOI(100)
	h.expect(ObjectInfo{TOI: toi, OTI: oti(2, 1, 3)})
	h.wantNACKs(wire.NACK{TOI: toi, Count: 2, Symbols: 1})
	h.symbols(toi, 0, 1, 0)
	h.symbols(toi, 1, 1, 0)
}

// TestFailingBlock has a block whose every result is bad: it is asked for again at once, and then
// ever more rarely, but for ever.
func TestFailingBlock(t *testing.T) {
	h := newHarness(t, Config{})
	toi := wire.DataTOI(1)
	h.expect(ObjectInfo{TOI: toi, OTI: oti(1, 1, 3)})
	h.heartbeat(wire.Heartbeat{Started: toi})
	fails, last := 0, 0
	for second := range 60 {
		for range 10 {
			h.advance(100 * ms)
			h.heartbeat(wire.Heartbeat{Started: toi})
			for h.engine.NextFeedback(h.now, &h.message) {
				if len(h.message.NACKs) == 0 {
					continue
				}
				h.packet(toi, 0, 1, 0, nil)
				fails, last = fails+1, second
			}
			for ev, ok := h.engine.NextEvent(); ok; ev, ok = h.engine.NextEvent() {
				if ev.Kind == BlockReady {
					h.engine.HandleResult(h.now, ev, errors.New("bad"))
				}
			}
		}
	}
	if fails < 10 || fails > 20 || last < 45 {
		t.Errorf("asked for %d times, last in second %d", fails, last)
	}
}
