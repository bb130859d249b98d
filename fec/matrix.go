package fec

import "fmt"

// generator has the repair columns of the RFC 5510 generator for one k, each computed
// when it is first used and then kept: (n-k)·k bytes, at most 16 KB.
//
// A column is had by Lagrange interpolation. With x_i = alpha^i, the coefficient of
// source symbol i in the encoding symbol with ESI j is
//
//	L_i(x_j) = N_j / ((x_j + x_i) · D_i),  N_j = Π_{m<k} (x_j + x_m),  D_i = Π_{m<k, m≠i} (x_i + x_m)
//
// Since x_i + x_m = x_min · (1 + alpha^|i-m|), the products are sums of logarithms, and
// those of consecutive factors are differences of field.prefix: one coefficient is O(1)
// and nothing is inverted.
type generator struct {
	k, n         int
	coefficients []byte   // n-k rows of k
	rows         [][]byte // those that have been computed; others are nil
}

// newGenerator returns an error that wraps ErrShape unless 1 <= k <= n <= MaxSymbols.
func newGenerator(k, n int) (generator, error) {
	if k < 1 || n < k || n > MaxSymbols {
		return generator{}, fmt.Errorf("%w: k = %d, n = %d, want 1 <= k <= n <= %d", ErrShape, k, n, MaxSymbols)
	}
	return generator{k: k, n: n, coefficients: make([]byte, (n-k)*k), rows: make([][]byte, n-k)}, nil
}

// row returns the k coefficients of the repair symbol with the given ESI, which must be
// from k to n-1. The slice is the generator's own, for reading.
func (g *generator) row(esi int) []byte {
	r := esi - g.k
	if g.rows[r] == nil {
		row := g.coefficients[r*g.k : (r+1)*g.k]
		numerator := logNumerator(g.k, esi)
		for i := range row {
			row[i] = power(numerator - logSum(i, esi) - logDenominator(g.k, i))
		}
		g.rows[r] = row
	}
	return g.rows[r]
}

// logNumerator returns the logarithm of N_j, not reduced.
func logNumerator(k, j int) int {
	return k*(k-1)/2 + int(field.prefix[j]) - int(field.prefix[j-k])
}

// logDenominator returns the logarithm of D_i, not reduced.
func logDenominator(k, i int) int {
	above := k - 1 - i
	return i*(i-1)/2 + int(field.prefix[i]) + i*above + int(field.prefix[above])
}
