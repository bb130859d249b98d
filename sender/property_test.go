package sender

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// attacked is an engine, and what it has sent as seen from outside.
type attacked struct {
	t      *rapid.T
	e      *Engine
	now    mono.Time
	packet wire.Packet
	beat   wire.Heartbeat
	// bucket is what was sent beyond the rate, in bytes, since it was last not above it; filled is when
	// that was worked out.
	bucket, most float64
	filled       mono.Time
	counter      uint64
	// transmissions has the packets of each block that repairs were asked for, called the most that its
	// asks called for.
	sequences map[blockName][]uint32
	called    map[blockName]int
}

func newAttacked(t *rapid.T, cfg Config) *attacked {
	cfg.TSI, cfg.Instance = 1, 99
	e, err := New(cfg, rand.New(rand.NewPCG(1, 2)), 0)
	if err != nil {
		t.Fatal(err)
	}
	return &attacked{t: t, e: e, sequences: make(map[blockName][]uint32), called: make(map[blockName]int)}
}

func (w *attacked) add(o ObjectInfo) {
	if err := w.e.Add(w.now, o); err != nil && err != ErrExists && err != ErrFull {
		w.t.Fatal(err)
	}
}

// advance lets time pass in steps of a millisecond at most, and sends.
func (w *attacked) advance(d time.Duration) {
	for d > 0 {
		step := min(d, time.Millisecond)
		w.now, d = w.now.Add(step), d-step
		w.e.HandleTimeout(w.now)
		w.drain()
	}
}

// drain takes events and packets.
func (w *attacked) drain() {
	for _, ok := w.e.NextEvent(); ok; _, ok = w.e.NextEvent() {
	}
	perSecond := float64(w.e.cfg.Rate) / 8
	for {
		before := w.e.stats.BytesSent
		if !w.e.NextPacket(w.now, &w.packet) {
			break
		}
		if p := &w.packet; p.TOI == wire.HeartbeatTOI {
			w.e.Advertise(w.now, &w.beat)
		} else {
			name := blockName{p.TOI, p.SBN}
			w.sequences[name] = append(w.sequences[name], p.PacketSequence)
		}
		w.bucket = max(0, w.bucket-w.now.Sub(w.filled).Seconds()*perSecond) + float64(w.e.stats.BytesSent-before)
		w.filled = w.now
		w.most = max(w.most, w.bucket)
	}
	if w.e.NextTimeout() <= w.now && !w.e.events.waiting() {
		w.t.Fatalf("at %v: wants to be called again at once", w.now)
	}
}

// feedback is a message of an edge, which is as wrong as it may be.
func (w *attacked) feedback(edge uint64, nacks []wire.NACK, sequence uint32, loss uint32) {
	w.counter++
	f := wire.Feedback{
		TSI: 1, Edge: edge, Counter: w.counter, Instance: 99, PacketSequence: sequence, EchoTime: sendTime(w.now), NACKs: nacks,
	}
	if loss > 0 {
		f.Report = &wire.Report{LossPPM: loss, BurstMilli: loss}
	}
	w.e.HandleFeedback(w.now, &f)
}

// seen returns how many transmissions of a block were in packets up to sequence.
func (w *attacked) seen(name blockName, sequence uint32) (n int) {
	for _, s := range w.sequences[name] {
		if int32(s-sequence) <= 0 {
			n++
		}
	}
	return n
}

// rateSlack is what may be sent at once beyond the rate, in bytes: what the bucket holds; as much again
// that control objects may overdraw; and heartbeats, which wait for neither, but have a share.
func rateSlack(rate uint64) float64 {
	bucket := max(burstBytes, float64(rate)/8*burstTime.Seconds())
	return 2*bucket + (heartbeatBurst+1)*(heartbeatBytes+outstandingBytes*wire.MaxOutstanding+echoBytes*wire.MaxEchoes) + 2*1600
}

var wideOTI = fec.OTI{TransferLength: 1 << 33, SymbolLength: 1408, MaxBlock: 100, MaxSymbols: 255}

// TestRateProperty: whatever is asked for and added, no window of time sees more than the rate and what
// may be sent at once.
func TestRateProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.SampledFrom([]uint64{64_000, 1_000_000, 20_000_000, 1_000_000_000}).Draw(t, "rate")
		w := newAttacked(t, Config{Rate: rate, PacketOverhead: 28, MaxObjects: 20, MaxRepairBlocks: 500, MaxEdges: 20})
		w.add(ObjectInfo{TOI: 1, OTI: oti(1, 1, 1)})
		w.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: wideOTI})
		number := rapid.OneOf(rapid.Uint32Range(0, 12), rapid.Uint32())
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				w.advance(time.Duration(rapid.Uint32Range(0, 30_000).Draw(t, "microseconds")) * time.Microsecond)
			case 1:
				sequence := uint64(rapid.Uint32Range(1, 30).Draw(t, "sequence"))
				w.add(ObjectInfo{TOI: wire.ControlTOI(sequence), OTI: oti(int(sequence), int(sequence), 60)})
			case 2:
				w.e.Cancel(w.now, wire.ControlTOI(uint64(rapid.Uint32Range(1, 30).Draw(t, "sequence"))))
			default:
				nacks := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) wire.NACK {
					return wire.NACK{
						TOI: rapid.SampledFrom([]uint32{1, 2, 3, 17, wire.DataTOI(1), wire.DataTOI(2), 0}).Draw(t, "TOI"),
						SBN: number.Draw(t, "SBN"), Count: number.Draw(t, "count"), Symbols: uint16(number.Draw(t, "symbols")),
					}
				}), 0, 20).Draw(t, "NACKs")
				for range rapid.SampledFrom([]int{1, 10, 100}).Draw(t, "times") {
					w.feedback(uint64(rapid.Uint32Range(1, 40).Draw(t, "edge")), nacks, w.e.sequence-number.Draw(t, "seen"), number.Draw(t, "loss"))
					w.drain()
				}
			}
		}
		w.advance(50 * time.Millisecond)
		if most := rateSlack(rate); w.most > most {
			t.Fatalf("%.0f bytes beyond the rate, at most %.0f may be", w.most, most)
		}
	})
}

// TestBlockProperty: a block is sent as often as in its first pass, and as the ask that called for most
// says: asks may come in any order, twice, late, or from the future.
func TestBlockProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newAttacked(t, Config{Rate: 1_000_000_000, Demote: DemoteConfig{Off: true}})
		toi := wire.DataTOI(1)
		small := fec.OTI{TransferLength: 4 * 1000, SymbolLength: 100, MaxBlock: 10, MaxSymbols: 30}
		w.add(ObjectInfo{TOI: toi, OTI: small, Proactive: NoProactive})
		w.advance(5 * time.Millisecond)
		for sbn := range uint32(4) {
			if n := len(w.sequences[blockName{toi, sbn}]); n != 10 {
				t.Fatalf("first pass of block %d has %d symbols", sbn, n)
			}
			w.called[blockName{toi, sbn}] = 10
		}
		w.e.objects.table[toi].margin = 0
		var past []wire.Feedback
		for range rapid.IntRange(1, 40).Draw(t, "asks") {
			f := wire.Feedback{TSI: 1, Edge: uint64(rapid.Uint32Range(1, 5).Draw(t, "edge")), Instance: 99}
			f.PacketSequence = w.e.sequence - rapid.Uint32Range(0, 60).Draw(t, "before")
			f.Counter = uint64(rapid.Uint32().Draw(t, "counter"))
			f.NACKs = []wire.NACK{{TOI: toi, SBN: rapid.Uint32Range(0, 3).Draw(t, "SBN"), Count: rapid.Uint32Range(1, 9).Draw(t, "count"), Symbols: rapid.Uint16().Draw(t, "symbols")}}
			past = append(past, f)
			if rapid.Bool().Draw(t, "again") {
				f = past[rapid.IntRange(0, len(past)-1).Draw(t, "which")]
			}
			n := f.NACKs[0]
			for sbn := n.SBN; sbn < min(n.SBN+n.Count, 4); sbn++ {
				name := blockName{toi, sbn}
				w.called[name] = max(w.called[name], w.seen(name, f.PacketSequence)+min(int(n.Symbols), 10))
			}
			w.e.HandleFeedback(w.now, &f)
			for _, b := range w.e.repairs.table {
				if b.outstanding() > b.k {
					t.Fatalf("%d symbols of block %d are queued, more than k", b.outstanding(), b.sbn)
				}
			}
			w.advance(time.Duration(rapid.Uint32Range(0, 2000).Draw(t, "microseconds")) * time.Microsecond)
		}
		w.advance(20 * time.Millisecond)
		for name, most := range w.called {
			if n := len(w.sequences[name]); n > most {
				t.Fatalf("block %d was sent %d times, called for were %d", name.sbn, n, most)
			}
		}
	})
}

// attack has some edges ask for all they can think of, for a while. What they ask for is counted as if
// they had seen every packet, so that each ask is for more. They spread it over so many blocks.
func (w *attacked) attack(edges int, toi uint32, most uint16, spread uint32, d time.Duration) {
	for end := w.now.Add(d); w.now < end; w.advance(time.Millisecond) {
		position := w.e.objects.table[toi].pass.position
		for edge := range uint64(edges) {
			first := uint32(w.counter*97) % max(min(position, spread), 1)
			w.feedback(100+edge, []wire.NACK{
				{TOI: 1, Count: 1, Symbols: wire.NeedAll}, {TOI: 2, Count: 1, Symbols: wire.NeedAll},
				{TOI: toi, SBN: first, Count: min(spread, 256), Symbols: most},
			}, w.e.sequence-1, uint32(edge)*10_000)
		}
	}
}

var spreads = rapid.SampledFrom([]uint32{1, 2, 10, 1 << 30})

// TestNewDataProperty: whatever some edges ask for, new data goes on.
func TestNewDataProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{Rate: 100_000_000, PacketOverhead: 28}
		cfg.Demote.Off = rapid.Bool().Draw(t, "demotion off")
		w := newAttacked(t, cfg)
		toi := wire.DataTOI(1)
		w.add(ObjectInfo{TOI: 1, OTI: oti(1, 1, 1)})
		w.add(ObjectInfo{TOI: 2, OTI: oti(14, 14, 56)})
		w.add(ObjectInfo{TOI: toi, OTI: wideOTI})
		w.advance(100 * time.Millisecond)
		before := w.e.stats.SourceSymbolsSent
		const d = 300 * time.Millisecond
		w.attack(rapid.IntRange(1, 8).Draw(t, "edges"), toi,
			rapid.SampledFrom([]uint16{1, 20, 50, 51, 100, wire.NeedAll}).Draw(t, "symbols"), spreads.Draw(t, "blocks"), d)
		sent := float64(w.e.stats.SourceSymbolsSent-before) * 1480 * 8 / (float64(cfg.Rate) * d.Seconds())
		// One part in newParts of what control objects, by their share, and heartbeats leave.
		if least := 0.5 / newParts; sent < least {
			t.Fatalf("new data got %.4f of the rate, at least %.4f is its share", sent, least)
		}
	})
}

// TestOthersRepairProperty: whatever some edges ask for, an edge that lacks a few symbols gets them
// when each of the others has had what one may have queued, at most.
func TestOthersRepairProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newAttacked(t, Config{Rate: 1_000_000_000, PacketOverhead: 28, Demote: DemoteConfig{Off: true}})
		toi := wire.DataTOI(1)
		w.add(ObjectInfo{TOI: toi, OTI: wideOTI, Proactive: NoProactive})
		w.advance(100 * time.Millisecond)
		attackers := rapid.IntRange(1, 3).Draw(t, "edges")
		most := rapid.SampledFrom([]uint16{1, 20, 50, 100, wire.NeedAll}).Draw(t, "symbols")
		spread := spreads.Draw(t, "blocks")
		w.attack(attackers, toi, most, spread, 50*time.Millisecond)
		name := blockName{toi, rapid.Uint32Range(0, 20).Draw(t, "SBN")}
		goal := len(w.sequences[name]) + 3
		w.feedback(7, []wire.NACK{{TOI: toi, SBN: name.sbn, Count: 1, Symbols: 3}}, w.e.sequence-1, 10_000)
		queue := float64((attackers + 1) * w.e.repairs.purse.active * 1480 * 8)
		limit := time.Duration(1.3*queue/float64(w.e.cfg.Rate)*float64(time.Second)) + 20*time.Millisecond
		start := w.now
		for len(w.sequences[name]) < goal {
			if w.attack(attackers, toi, most, spread, 5*time.Millisecond); w.now.Sub(start) > limit {
				t.Fatalf("after %v block %d has been sent %d times, not %d", w.now.Sub(start), name.sbn, len(w.sequences[name]), goal)
			}
		}
	})
}

// TestPayersProperty: what payers owe is what is queued of the blocks that they pay for.
func TestPayersProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const edges = 4
		r := newRepairs(6, purse{active: 60, bulk: 300})
		o, err := newObject(ObjectInfo{TOI: wire.DataTOI(1), OTI: fec.OTI{TransferLength: 8000, SymbolLength: 10, MaxBlock: 100, MaxSymbols: 200}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		var payers [edges]payer
		now := mono.Time(0)
		for sequence := uint32(0); sequence < 80; sequence++ {
			now = now.Add(time.Duration(rapid.Uint32Range(0, 1_000_000_000).Draw(t, "pause")))
			if b := r.next(o.priority.rank()); b != nil && rapid.Bool().Draw(t, "send") {
				r.sent(now, b, sequence)
				continue
			}
			sbn := rapid.Uint32Range(0, 7).Draw(t, "SBN")
			b := r.find(o.toi, sbn)
			if b == nil {
				b = r.open(now, o, sbn, 100)
			}
			if b != nil {
				r.ask(now, b, b.seen(sequence), rapid.IntRange(1, 100).Draw(t, "need"), &payers[rapid.IntRange(0, edges-1).Draw(t, "edge")])
			}
			var want [edges]payer
			queued := 0
			for _, b := range r.table {
				queued += b.outstanding()
				for i := range payers {
					if b.urgentPayer == &payers[i] {
						want[i].active += b.urgent()
					}
					if b.restPayer == &payers[i] {
						want[i].bulk += b.rest()
					}
				}
			}
			if want != payers || queued != r.queued {
				t.Fatalf("payers %+v, want %+v; queued %d, want %d", payers, want, r.queued, queued)
			}
			for _, p := range payers {
				if p.active > r.purse.active || p.bulk > r.purse.bulk {
					t.Fatalf("an edge has more queued than it may: %+v", p)
				}
			}
		}
	})
}

// TestMemoryOfHostileFeedback: the heap of an engine that is sent all kinds of feedback stays
// within what Config allows.
func TestMemoryOfHostileFeedback(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	cfg := Config{Rate: 1_000_000_000, MaxRepairBlocks: 2000, MaxEdges: 1000, MaxObjects: 50}
	h := newHarness(t, cfg)
	rng := rand.New(rand.NewPCG(1, 1))
	for sequence := range uint64(40) {
		h.add(ObjectInfo{TOI: wire.DataTOI(sequence + 1), OTI: oti(100_000, 20, 255), Sent: true})
	}
	f := wire.Feedback{TSI: 1, Instance: 99, Report: &wire.Report{}}
	for i := range 60_000 {
		h.now = h.now.Add(50 * time.Microsecond)
		f.Edge, f.Counter, f.PacketSequence = rng.Uint64(), uint64(i), rng.Uint32()
		f.Report.LossPPM, f.Report.BurstMilli = rng.Uint32(), rng.Uint32()
		f.NACKs = append(f.NACKs[:0],
			wire.NACK{TOI: rng.Uint32(), SBN: rng.Uint32(), Count: rng.Uint32(), Symbols: uint16(rng.Uint32())},
			wire.NACK{TOI: wire.DataTOI(uint64(rng.IntN(60))), SBN: rng.Uint32N(5000), Count: 100, Symbols: uint16(rng.Uint32N(30))})
		h.engine.HandleFeedback(h.now, &f)
		for _, ok := h.engine.NextEvent(); ok; _, ok = h.engine.NextEvent() {
		}
		h.engine.HandleTimeout(h.now)
		for range 4 {
			h.next()
		}
	}
	// A block takes some 300 bytes with its place in tables, an edge 200, an object 4,000 with its
	// marks.
	most := uint64(cfg.MaxRepairBlocks*600 + cfg.MaxEdges*600 + cfg.MaxObjects*8000 + 500_000)
	if after := heap(); after > before+most {
		t.Errorf("%d bytes, at most %d may be", after-before, most)
	}
	if s := h.engine.Stats(); s.Edges > cfg.MaxEdges || s.RepairBlocks > cfg.MaxRepairBlocks || s.EdgesRefused == 0 || s.AsksRefused == 0 {
		t.Errorf("%+v", s)
	}
	runtime.KeepAlive(h)
}
