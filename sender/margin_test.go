package sender

import (
	"math"
	"testing"

	"fanfare/internal/wire"
)

// another returns the chance that more than m of n symbols are lost.
func another(n, m int, p float64) (chance float64) {
	for i := m + 1; i <= n; i++ {
		ways, _ := math.Lgamma(float64(n + 1))
		in, _ := math.Lgamma(float64(i + 1))
		out, _ := math.Lgamma(float64(n - i + 1))
		chance += math.Exp(ways - in - out + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return chance
}

func TestMargin(t *testing.T) {
	for _, ppm := range []uint32{1_000, 10_000, 50_000, 100_000, 200_000} {
		for need := 1; need <= bulkLeast; need++ {
			m, p := margin(need, ppm), float64(ppm)/1e6
			if m < need && another(need+m, m, p) > marginRisk {
				t.Errorf("%d more than %d are too few at %d ppm", m, need, ppm)
			}
			if m > 0 && another(need+m-1, m-1, p) <= marginRisk {
				t.Errorf("%d more than %d are too many at %d ppm", m, need, ppm)
			}
		}
	}
	if m := margin(10, 0); m != 0 {
		t.Errorf("%d more where nothing is lost", m)
	}
	if m := margin(3, 999_999); m != 3 {
		t.Errorf("%d more than 3 where all is lost", m)
	}
}

// TestMarginOnlyAtTheEnd checks that asks are answered exactly during the first pass, with a margin
// afterwards, once for each ask however often it comes, and exactly when the budget is spent.
func TestMarginOnlyAtTheEnd(t *testing.T) {
	h := reporting(t, 1, 100_000)
	h.engine.edges.table[5] = &edge{EdgeInfo: EdgeInfo{LossPPM: 100_000}}
	toi := wire.DataTOI(1)
	h.add(ObjectInfo{TOI: toi, OTI: oti(100*150, 100, 255), Proactive: NoProactive})
	for h.engine.objects.table[toi].pass.position < 5 {
		h.quiet(ms)
	}
	queued := func() int { return h.engine.Stats().RepairQueue }
	h.ask(toi, 0, 6)
	if n := queued(); n != 6 {
		t.Errorf("%d symbols for an ask for 6 during the first pass", n)
	}
	h.symbols(toi)
	asked := h.engine.sequence - 1
	for range 3 {
		h.askAt(toi, 1, 6, asked)
	}
	if n := queued(); n != 6+margin(6, 100_000) {
		t.Errorf("%d symbols for an ask for 6 after the first pass", n)
	}
	for sbn := range uint32(80) {
		h.askAt(toi, 2+sbn, 6, asked)
	}
	if n, most := queued(), 81*6+100*150/marginParts; n != most {
		t.Errorf("%d symbols for 81 asks for 6, want %d", n, most)
	}
	h.symbols(toi)
	if s := h.engine.Stats(); s.MarginSymbolsSent != 100*150/marginParts || s.RepairSymbolsSent != 82*6+s.MarginSymbolsSent {
		t.Errorf("%d of %d repair symbols are margins", s.MarginSymbolsSent, s.RepairSymbolsSent)
	}
}
