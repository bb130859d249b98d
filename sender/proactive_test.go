package sender

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// enough returns the chance that none of n edges with a loss of p needs more than m symbols beyond k:
// that each of them loses at most m of the first k+m. It is summed from binomial terms, unlike in
// the rule.
func enough(k, m, n int, p float64) float64 {
	lgamma := func(x int) float64 { v, _ := math.Lgamma(float64(x)); return v }
	var sum float64
	for i := 0; i <= m; i++ {
		choose := lgamma(k+m+1) - lgamma(i+1) - lgamma(k+m-i+1)
		sum += math.Exp(choose + float64(i)*math.Log(p) + float64(k+m-i)*math.Log1p(-p))
	}
	return math.Pow(min(sum, 1), float64(n))
}

func TestRule(t *testing.T) {
	type group struct {
		edges int
		ppm   uint32
	}
	for _, groups := range [][]group{
		{{1, 1_000}}, {{1, 10_000}}, {{1, 100_000}}, {{4, 10_000}}, {{4, 100_000}}, {{4, 200_000}}, {{100, 1_000}},
		{{100, 50_000}}, {{10_000, 100}}, {{10_000, 10_000}}, {{10_000, 50_000}}, {{20, 10_000}, {1, 200_000}}, {{1, 30}},
	} {
		for _, k := range []int{1, 8, 64, 160, 200} {
			var classes lossClasses
			for _, g := range groups {
				classes[lossClass(g.ppm)] += uint32(g.edges)
			}
			want, vain := 0, 0.0
			for ; want < fec.MaxSymbols-k; want++ {
				all := 1.0
				for _, g := range groups {
					all *= enough(k, want, g.edges, classes.loss(lossClass(g.ppm)))
				}
				if vain += all; vain > wasted*float64(k) || all > 0.75 {
					break
				}
			}
			if got := classes.rule(k); got.amount != want {
				t.Errorf("k = %d, %v: %d symbols, want %d", k, groups, got.amount, want)
			}
		}
	}
	var clean lossClasses
	if got := clean.rule(200); got.amount != 0 {
		t.Errorf("a clean path gets %d symbols", got.amount)
	}
}

func TestLossClass(t *testing.T) {
	var c lossClasses
	for ppm := uint32(1); ppm < 1<<lossOctaves; ppm += 1 + ppm/50 {
		loss := c.loss(lossClass(ppm)) * 1e6
		if ratio := loss / float64(ppm); ppm >= 8 && (ratio < 0.93 || ratio > 1.07) {
			t.Errorf("%d packets per million count as %.1f", ppm, loss)
		}
	}
}

// lossy returns edges that all report a loss.
func lossy(n int, ppm uint32) *edges {
	all := newEdges(n)
	for i := range n {
		all.table[uint64(i)] = &edge{EdgeInfo: EdgeInfo{LossPPM: ppm}}
	}
	return &all
}

// need draws how many symbols beyond k the worst of n edges needs. If shared all lose the same.
func need(rng *rand.Rand, k, n int, p float64, shared bool) (most int) {
	if shared {
		n = 1
	}
	for range n {
		sent := 0
		for got := 0; got < k; sent++ {
			if rng.Float64() >= p {
				got++
			}
		}
		most = max(most, sent-k)
	}
	return most
}

// TestTracking lets a follow what blocks need, and counts what is sent in vain: with losses as they are
// reported, with reports that exaggerate or understate, and with a loss that all edges share.
func TestTracking(t *testing.T) {
	for _, test := range []struct {
		name     string
		n        int
		p        float64
		reported uint32
		shared   bool
		most     float64 // sent in vain, as a share of k
	}{
		{"as reported", 4, 0.10, 100_000, false, 0.01},
		{"one edge", 1, 0.01, 10_000, false, 0.01},
		{"many", 100, 0.05, 50_000, false, 0.01},
		{"exaggerated", 30, 0.05, 80_000, false, 0.015},
		{"understated", 30, 0.05, 30_000, false, 0.01},
		{"shared", 100, 0.05, 50_000, true, 0.02},
	} {
		t.Run(test.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			all := lossy(test.n, test.reported)
			var p proactive
			var vain, asked int
			const k, blocks, settled = 200, 800, 200
			for i := range blocks {
				now := mono.Time(i) * mono.Time(10*ms)
				u := unasked{amount: p.amount(now, k, 255, all)}
				got, want := u.take(1).in(0), need(rng, k, test.n, test.p, test.shared)
				if want <= got {
					p.track(now, k, 255, 0, all)
				} else {
					p.track(now, k, 255, want, all)
				}
				if i >= settled {
					vain += max(got-want, 0)
					if want > got {
						asked++
					}
				}
			}
			share := float64(vain) / k / (blocks - settled)
			t.Logf("%.2f %% in vain, %.0f %% of the blocks asked for", 100*share, 100*float64(asked)/(blocks-settled))
			if share > test.most {
				t.Errorf("%.2f %% of the symbols are sent in vain", 100*share)
			}
			if asked > (blocks-settled)*9/10 {
				t.Error("hardly any block is spared its NACK")
			}
		})
	}
}

func TestTrackingForgets(t *testing.T) {
	all := lossy(10, 50_000)
	var p proactive
	before := p.amount(0, 200, 255, all)
	for range 100 {
		p.track(0, 200, 255, 0, all)
	}
	if a := p.amount(0, 200, 255, all); a != 0 {
		t.Errorf("a = %v though nothing was ever needed", a)
	}
	if a := p.amount(mono.Time(2*trackKeep), 200, 255, all); a != before {
		t.Errorf("a = %v after a long silence, %v at first", a, before)
	}
	all = lossy(10, 0)
	if a := p.amount(mono.Time(3*trackKeep), 200, 255, all); a != 0 {
		t.Errorf("a = %v on a clean path", a)
	}
}

func TestFractionsAreSpread(t *testing.T) {
	u := unasked{amount: 2.25}
	var sum int
	for range 8 {
		x := u.take(4)
		if x.each != 2 || x.more != 1 {
			t.Errorf("%+v of 9 symbols for 4 blocks", x)
		}
		sum += x.in(0) + x.in(1) + x.in(2) + x.in(3)
	}
	if sum != 72 {
		t.Errorf("%d symbols for 32 blocks", sum)
	}
}

// reporting makes an engine that edges have told of a loss.
func reporting(t *testing.T, edges int, ppm uint32) *harness {
	h := newHarness(t, Config{Rate: 200_000_000})
	for i := range edges {
		h.engine.HandleFeedback(h.now, &wire.Feedback{
			TSI: 1, Edge: uint64(i) + 100, Counter: 1, Instance: 99, EchoTime: sendTime(h.now), Report: &wire.Report{LossPPM: ppm},
		})
	}
	h.quiet(time.Second)
	return h
}

// symbols lets 200 ms pass and counts what is sent of each block of an object.
func (h *harness) symbols(toi uint32) (sent map[uint32]int) {
	sent = make(map[uint32]int)
	for range 200 {
		h.advance(ms)
		for name := h.next(); name != ""; name = h.next() {
			if h.packet.TOI == toi {
				sent[h.packet.SBN]++
			}
		}
	}
	return sent
}

func TestProactivePolicy(t *testing.T) {
	for _, test := range []struct {
		name              string
		policy            int
		ppm               uint32
		perBlock, atLeast int
	}{
		{"none reported", 0, 0, 0, 0},
		{"automatic", 0, 50_000, -1, 10},
		{"none wanted", NoProactive, 50_000, 0, 0},
		{"fixed", 7, 50_000, 7, 0},
		{"fixed on a clean path", 7, 0, 7, 0},
		{"more than there are", 200, 0, 55, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := reporting(t, 4, test.ppm)
			toi := wire.DataTOI(1)
			h.add(ObjectInfo{TOI: toi, OTI: oti(1600, 200, 255), Proactive: test.policy})
			for sbn, n := range h.symbols(toi) {
				if n -= 200; test.perBlock >= 0 && n != test.perBlock || n < test.atLeast {
					t.Errorf("block %d got %d repair symbols", sbn, n)
				}
			}
		})
	}
}

// TestAskAfterProactive checks that asks are answered with symbols that have not been sent, for blocks
// whose group is remembered, for blocks whose group is not, and long after.
func TestAskAfterProactive(t *testing.T) {
	h := reporting(t, 4, 50_000)
	toi := wire.DataTOI(1)
	const blocks = 3 * maxMarks
	h.add(ObjectInfo{TOI: toi, OTI: oti(20*blocks, 20, 60)})
	h.engine.proactive.drift = 0.02 // the amount has a fraction
	sent := make(map[uint32]int)
	for len(sent) < blocks || h.engine.schedule.passing() {
		for sbn, n := range h.symbols(toi) {
			sent[sbn] += n
		}
	}
	uneven := false
	for _, sbn := range []uint32{0, 1, 2, 3, 100, blocks - 3, blocks - 2, blocks - 1} {
		uneven = uneven || sent[sbn] != sent[0]
		h.ask(toi, sbn, 2)
		h.advance(ms)
		for name := h.next(); name != ""; name = h.next() {
			if h.packet.TOI == toi && (h.packet.SBN != sbn || int(h.packet.ESI) < sent[sbn] || int(h.packet.ESI) > sent[sbn]+4) {
				t.Errorf("packet %q for block %d, of which %d have been sent", name, sbn, sent[sbn])
			}
		}
	}
	if !uneven {
		t.Error("all blocks got the same")
	}
}

func TestAskLongAfterProactive(t *testing.T) {
	h := newHarness(t, Config{})
	toi := wire.DataTOI(1)
	h.add(ObjectInfo{TOI: toi, OTI: oti(20, 10, 30), Proactive: 6})
	h.symbols(toi)
	h.quiet(repairKeep + time.Second)
	h.ask(toi, 1, 1)
	h.advance(ms)
	for name := h.next(); name != ""; name = h.next() {
		if h.packet.TOI == toi && h.packet.ESI != 16 {
			t.Errorf("packet %q though 16 symbols have been sent", name)
		}
	}
}

func TestCopiesOfEntries(t *testing.T) {
	for _, test := range []struct {
		edges int
		ppm   uint32
		want  int
	}{{0, 0, 3}, {4, 0, 3}, {4, 10_000, 3}, {4, 100_000, 4}, {100, 90_000, 5}, {1000, 10_000, 3}, {10_000, 10_000, 4}, {1000, 300_000, 6}} {
		h := reporting(t, test.edges, test.ppm)
		h.add(ObjectInfo{TOI: 7, OTI: oti(1, 1, 1)})
		if got := h.symbols(7)[0]; got != test.want {
			t.Errorf("%d edges, %d ppm: %d copies, want %d", test.edges, test.ppm, got, test.want)
		}
	}
}
