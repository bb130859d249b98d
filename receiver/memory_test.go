package receiver

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"fanfare/fec"
	"fanfare/internal/wire"
)

// TestMemoryOfHostilePackets: the heap of an engine that is sent all kinds of packets and
// heartbeats stays within what Config allows.
func TestMemoryOfHostilePackets(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	cfg := Config{MaxObjects: 100, MaxUnexpected: 50, MaxOpenBlocks: 1000, MaxAskedBlocks: 100, MaxRanges: 500}
	h := newHarness(t, cfg)
	rng := rand.New(rand.NewPCG(1, 1))
	cut := fec.OTI{TransferLength: 1 << 30, SymbolLength: 1024, MaxBlock: 2, MaxSymbols: 9}
	for i := range uint64(80) {
		h.expect(ObjectInfo{TOI: wire.DataTOI(i + 1), OTI: cut})
	}
	for range 100_000 {
		h.now = h.now.Add(20 * time.Microsecond)
		h.sequence += rng.Uint32N(3)
		switch rng.IntN(50) {
		case 0:
			beat := wire.Heartbeat{
				Instance: h.instance, Edges: rng.Uint32(), ReportInterval: time.Duration(rng.Uint64()),
				Started: wire.DataTOI(rng.Uint64N(200)), GRTT: time.Duration(rng.Uint64()),
			}
			for range wire.MaxOutstanding {
				beat.Outstanding = append(beat.Outstanding, wire.Outstanding{TOI: rng.Uint32(), SBN: rng.Uint32(), Count: rng.Uint32(), Symbols: 9})
			}
			h.heartbeat(beat)
		case 1:
			h.packet(rng.Uint32(), rng.Uint32(), 2, int(rng.Uint32N(9)), &cut)
		default:
			h.packet(wire.DataTOI(1+rng.Uint64N(80)), rng.Uint32N(500_000), 2, int(rng.Uint32N(9)), nil)
		}
		for ev, ok := h.engine.NextEvent(); ok; ev, ok = h.engine.NextEvent() {
			var err error
			if rng.IntN(9) == 0 {
				err = errors.New("bad")
			}
			h.engine.HandleResult(h.now, ev, err)
		}
		for h.engine.NextFeedback(h.now, &h.message) {
		}
	}
	// A block takes some 200 bytes with its place in a list, an object 500, a run 8.
	most := uint64(cfg.MaxOpenBlocks*400 + cfg.MaxObjects*1000 + (cfg.MaxRanges+cfg.MaxOpenBlocks)*32 + 500_000)
	if after := heap(); after > before+most {
		t.Errorf("%d bytes, at most %d may be", after-before, most)
	}
	checkBooks(t, h.engine)
	if s := h.engine.Stats(); s.SymbolsRefused == 0 || h.engine.objects.runs > cfg.MaxRanges+cfg.MaxOpenBlocks {
		t.Errorf("%d runs of blocks, %+v", h.engine.objects.runs, s)
	}
	runtime.KeepAlive(h)
}
