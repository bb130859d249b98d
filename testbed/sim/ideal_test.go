package sim

import (
	"math"
	"testing"

	"fanfare/fec"
)

// TestIdeal compares with values computed elsewhere from the same formula.
func TestIdeal(t *testing.T) {
	for _, test := range []struct {
		k, n    int
		p, want float64
	}{
		{200, 10, 0.01, 1.022}, {32, 10, 0.01, 1.043}, {200, 1000, 0.01, 1.040}, {64, 1000, 0.01, 1.071},
		{200, 100, 0.05, 1.099}, {128, 100, 0.05, 1.112}, {200, 1000, 0.05, 1.115}, {32, 1000, 0.05, 1.235},
	} {
		if got := Ideal(test.k, 0, Losers{test.n, test.p}); math.Abs(got-test.want) > 0.0006 {
			t.Errorf("k %d, N %d, p %v: %.4f, want %v", test.k, test.n, test.p, got, test.want)
		}
	}
	if got := Ideal(200, 0, Losers{1, 0.05}); math.Abs(got-1/0.95) > 1e-9 {
		t.Errorf("one receiver: %v, want 1/(1-p)", got)
	}
	if got := Ideal(200, 5, Losers{10, 0}); got != 1.025 {
		t.Errorf("proactive on a clean path: %v", got)
	}
	unequal := Ideal(200, 0, Losers{99, 0.001}, Losers{1, 0.05})
	if unequal < Ideal(200, 0, Losers{1, 0.05}) || unequal > Ideal(200, 0, Losers{100, 0.05}) {
		t.Errorf("unequal receivers: %v", unequal)
	}
}

func TestIdealObject(t *testing.T) {
	r := Losers{10, 0.05}
	if got, want := IdealObject(Bundle(1408*400, 200), 0, r), Ideal(200, 0, r); math.Abs(got-want) > 1e-12 {
		t.Errorf("equal blocks: %v, want %v", got, want)
	}
	got := IdealObject(fec.OTI{TransferLength: 301, SymbolLength: 1, MaxBlock: 200, MaxSymbols: 255}, 0, r)
	if want := (151*Ideal(151, 0, r) + 150*Ideal(150, 0, r)) / 301; math.Abs(got-want) > 1e-12 {
		t.Errorf("unequal blocks: %v, want %v", got, want)
	}
	if got := IdealObject(Bundle(0, 200), 0, r); got != 1 {
		t.Errorf("empty object: %v", got)
	}
}
