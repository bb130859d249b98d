package fec

import (
	"errors"
	"fmt"
)

// Errors of Decode, beside ErrShape.
var (
	// ErrTooFew means fewer repair symbols than missing source symbols.
	ErrTooFew = errors.New("fec: too few repair symbols")
	// ErrDuplicate means two repair symbols with the same ESI.
	ErrDuplicate = errors.New("fec: repair symbol given twice")
)

// Repair is a received repair symbol.
type Repair struct {
	ESI    int    // from k to n-1
	Symbol []byte // E bytes; borrowed for the call
}

// Decoder computes the missing source symbols of source blocks of k symbols. It belongs
// to one goroutine at a time. It keeps a buffer of as many symbols as the most missing
// source symbols it has seen in a block, at most min(k, n-k).
type Decoder struct {
	generator generator
	length    int // E

	// Of the call in progress, for e missing source symbols:
	missing [MaxSymbols]int    // their ESIs, rising
	rows    [MaxSymbols][]byte // generator rows of the e repair symbols used
	weights [MaxSymbols]int    // see solve

	// As many as the largest e so far.
	sums    [][]byte // symbols: what the missing source symbols add to the repair symbols
	inverse [][]byte // rows of as many coefficients, see solve
}

// NewDecoder returns a decoder for blocks of k source symbols of e bytes, extended to at
// most n encoding symbols. It returns an error that wraps ErrShape unless
// 1 <= k <= n <= MaxSymbols and e >= 1.
func NewDecoder(k, n, e int) (*Decoder, error) {
	g, err := newGenerator(k, n)
	if err != nil {
		return nil, err
	}
	if e < 1 {
		return nil, fmt.Errorf("%w: encoding symbol length %d", ErrShape, e)
	}
	return &Decoder{generator: g, length: e}, nil
}

// Decode computes the missing source symbols of one block into their places.
//
// block is k·E bytes, source symbol i at i·E, a short last one zero-padded; present says
// whether source symbol esi is there (it is asked once for each, in order); what is not
// there may have any bytes. repair holds at least as many distinct repair symbols as source
// symbols are missing; the first of them are used. They must not overlap block. With
// nothing missing, Decode does nothing.
//
// With e missing it costs e·k·E multiplications in GF(2^8). It does not allocate, but for
// its buffer when e is larger than in any call before.
// It returns an error that wraps ErrShape, ErrTooFew or ErrDuplicate, and then has written
// nothing.
func (d *Decoder) Decode(block []byte, present func(esi int) bool, repair []Repair) error {
	k := d.generator.k
	if len(block) != k*d.length {
		return fmt.Errorf("%w: a block of %d bytes, want %d", ErrShape, len(block), k*d.length)
	}
	e := 0
	for esi := range k {
		if !present(esi) {
			d.missing[e] = esi
			e++
		}
	}
	if err := d.check(e, repair); err != nil {
		return err
	}
	repair = repair[:e]
	if e > 0 {
		d.subtract(block, repair)
		d.solve(block, repair)
	}
	return nil
}

// check tests the repair symbols given for a block with e missing source symbols.
func (d *Decoder) check(e int, repair []Repair) error {
	var seen [4]uint64
	for _, r := range repair {
		if r.ESI < d.generator.k || r.ESI >= d.generator.n {
			return fmt.Errorf("%w: ESI %d is not of a repair symbol, want %d to %d", ErrShape, r.ESI, d.generator.k, d.generator.n-1)
		}
		if len(r.Symbol) != d.length {
			return fmt.Errorf("%w: repair symbol %d has %d bytes, want %d", ErrShape, r.ESI, len(r.Symbol), d.length)
		}
		if seen[r.ESI>>6]&(1<<(r.ESI&63)) != 0 {
			return fmt.Errorf("%w: ESI %d", ErrDuplicate, r.ESI)
		}
		seen[r.ESI>>6] |= 1 << (r.ESI & 63)
	}
	if len(repair) < e {
		return fmt.Errorf("%w: %d for %d missing source symbols", ErrTooFew, len(repair), e)
	}
	return nil
}

// subtract leaves in sums, for each repair symbol, what remains of it without the source
// symbols that are present: an encode.
func (d *Decoder) subtract(block []byte, repair []Repair) {
	e, k := len(repair), d.generator.k
	if len(d.sums) < e {
		d.sums, d.inverse = rectangle(e, d.length), rectangle(e, e)
	}
	for a, r := range repair {
		d.rows[a] = d.generator.row(r.ESI)
		copy(d.sums[a], r.Symbol)
	}
	var present [MaxSymbols][]byte
	for i := range k {
		present[i] = d.symbol(block, i)
	}
	for _, m := range d.missing[:e] {
		present[m] = nil
	}
	accumulate(d.rows[:e], present[:k], d.sums[:e])
}

// symbol returns source symbol esi of a block.
func (d *Decoder) symbol(block []byte, esi int) []byte {
	return block[esi*d.length : (esi+1)*d.length]
}

// rectangle returns rows of width bytes each, end to end in memory.
func rectangle(rows, width int) [][]byte {
	bytes := make([]byte, rows*width)
	r := make([][]byte, rows)
	for i := range r {
		r[i] = bytes[i*width : (i+1)*width]
	}
	return r
}

// solve turns sums into the missing source symbols.
//
// What remains of repair symbol a (ESI r) is Σ_b A_ab · (missing source symbol b, ESI m),
// where A_ab = N_r / ((x_r + x_m) · D_m) as in generator: a Cauchy matrix with scaled rows
// and columns, and the inverse of such a matrix is known in closed form. With
//
//	P_a = Π_b (x_r + x_m) / Π_{other r'} (x_r + x_r'),  Q_b = Π_a (x_r + x_m) / Π_{other m'} (x_m + x_m')
//
// it is (A^-1)_ba = D_m · Q_b · P_a / ((x_r + x_m) · N_r). It always exists.
func (d *Decoder) solve(block []byte, repair []Repair) {
	k, e := d.generator.k, len(repair)
	missing, weights := d.missing[:e], d.weights[:e] // of each the logarithm of D_m · Q_b
	var lost [MaxSymbols][]byte
	for b, m := range missing {
		w := logDenominator(k, m)
		for b2, m2 := range missing {
			w += logSum(repair[b2].ESI, m)
			if b2 != b {
				w -= logSum(m, m2)
			}
		}
		weights[b] = w
		lost[b] = d.symbol(block, m)
		clear(lost[b])
	}
	for a, r := range repair {
		w := -logNumerator(k, r.ESI) // becomes the logarithm of P_a / N_r
		for a2, r2 := range repair {
			w += logSum(r.ESI, missing[a2])
			if a2 != a {
				w -= logSum(r.ESI, r2.ESI)
			}
		}
		for b, m := range missing {
			d.inverse[b][a] = power(w + weights[b] - logSum(r.ESI, m))
		}
	}
	accumulate(d.inverse[:e], d.sums[:e], lost[:e])
}
