package sim

import (
	"math"

	"fanfare/fec"
)

// Losers are N receivers that each lose a share P of all packets independently.
type Losers struct {
	N int
	P float64
}

// Ideal returns how many symbols must be sent for each source symbol, on average, until all
// receivers have k different symbols of a block, if the sender knew at each moment what they
// lack, and sent a repair symbols in any case: 1 + a/k + (1/k) Σ_{m>=a} (1 - ∏ F_r(m)), where
// F_r(m) is the chance that receiver r needs at most m symbols more than k.
func Ideal(k, a int, receivers ...Losers) float64 {
	if k == 0 {
		return 1
	}
	cdf := make([]float64, len(receivers))  // F_r(m)
	term := make([]float64, len(receivers)) // its summand for j = m
	for i, r := range receivers {
		term[i] = math.Pow(1-r.P, float64(k))
		cdf[i] = term[i]
	}
	extra := float64(a)
	for m := 0; ; m++ {
		all := 1.0
		for i, r := range receivers {
			all *= math.Pow(min(cdf[i], 1), float64(r.N))
		}
		if m >= a {
			extra += 1 - all
		}
		if 1-all < 1e-12 || m > 1_000_000 {
			return 1 + extra/float64(k)
		}
		for i, r := range receivers {
			term[i] *= float64(k+m) / float64(m+1) * r.P
			cdf[i] += term[i]
		}
	}
}

// IdealObject returns Ideal for an object whose blocks differ in length.
func IdealObject(oti fec.OTI, a int, receivers ...Losers) float64 {
	part, err := oti.Partition()
	if err != nil || part.Blocks() == 0 {
		return 1
	}
	large := part.SourceSymbols(0)
	small := part.SourceSymbols(part.Blocks() - 1)
	var larges uint32
	for larges < part.Blocks() && part.SourceSymbols(larges) == large {
		larges++
	}
	inLarge := float64(larges) * float64(large)
	inSmall := float64(part.Blocks()-larges) * float64(small)
	sum := inLarge * Ideal(large, a, receivers...)
	if inSmall > 0 {
		sum += inSmall * Ideal(small, a, receivers...)
	}
	return sum / (inLarge + inSmall)
}
