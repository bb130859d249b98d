package fec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// withSlices runs f without multiplyTile, as on a machine that lacks its instructions.
func withSlices(f func()) {
	defer func(had bool) { hasTiles = had }(hasTiles)
	hasTiles = false
	f()
}

// product multiplies two elements of the field by shift and add.
func product(a, b byte) (p byte) {
	for ; b != 0; b >>= 1 {
		if b&1 == 1 {
			p ^= a
		}
		carry := a >> 7
		a = a<<1 ^ carry*(fieldPolynomial&0xff)
	}
	return p
}

// TestBitMatrices multiplies every two elements as GF2P8AFFINEQB would.
func TestBitMatrices(t *testing.T) {
	for c, matrix := range bitMatrices {
		for x := range 256 {
			var got byte
			for i := range 8 {
				row := byte(matrix >> (8 * (7 - i)))
				for j := range 8 {
					got ^= (row & byte(x) >> j & 1) << i
				}
			}
			if want := product(byte(c), byte(x)); got != want {
				t.Fatalf("%d times %d is %d, want %d", c, x, got, want)
			}
		}
	}
}

// accumulation is one call of accumulate with memory before and behind all symbols.
type accumulation struct {
	rows, in, out [][]byte
	memory        []byte // of out
}

func newAccumulation(rng *rand.Rand, rows, columns, length int) *accumulation {
	a := &accumulation{rows: randomSymbols(rng, rows, columns)}
	place := func(memory []byte, i int) []byte { // scattered, and aligned to nothing
		start := i*(length+13) + 5
		return memory[start : start+length : start+length]
	}
	sources := randomSymbols(rng, 1, columns*(length+13)+13)[0]
	for i := range columns {
		a.in = append(a.in, place(sources, i))
		if rng.IntN(5) == 0 {
			a.in[i] = nil
		}
	}
	a.memory = randomSymbols(rng, 1, rows*(length+13)+13)[0]
	for j := range rows {
		a.out = append(a.out, place(a.memory, j))
	}
	return a
}

// want returns what the memory must be afterwards.
func (a *accumulation) want() []byte {
	before := bytes.Clone(a.memory)
	for j, out := range a.out {
		for i, in := range a.in {
			for b, x := range in {
				out[b] ^= product(a.rows[j][i], x)
			}
		}
	}
	want := bytes.Clone(a.memory)
	copy(a.memory, before)
	return want
}

// TestAccumulate compares what multiplies symbols with what multiplies bytes: any shape, any
// length, any coefficient, and nothing else is written to.
func TestAccumulate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		a := newAccumulation(rng, rapid.IntRange(0, 24).Draw(t, "rows"),
			rapid.IntRange(0, 34).Draw(t, "columns"), rapid.IntRange(1, 330).Draw(t, "length"))
		before, want := bytes.Clone(a.memory), a.want()
		run := func(name string) {
			copy(a.memory, before)
			if accumulate(a.rows, a.in, a.out); !bytes.Equal(a.memory, want) {
				t.Fatalf("%s: wrong", name)
			}
		}
		eachTile(run)
		withSlices(func() { run("slices") })
	})
}

// TestSamePaths encodes and decodes the same block by every way of multiplying.
func TestSamePaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		n := rapid.IntRange(1, MaxSymbols).Draw(t, "n")
		k := rapid.IntRange(1, n).Draw(t, "k")
		e := rapid.IntRange(0, min(k, n-k)).Draw(t, "erasures")
		length := rapid.OneOf(rapid.IntRange(1, 200), rapid.Just(1344), rapid.Just(1408)).Draw(t, "length")
		source := randomSymbols(rng, 1, k*length)[0]
		lost := rng.Perm(k)[:e]
		esis := rng.Perm(n - k)[:e]
		var repair []Repair
		encode := func(name string) {
			got, err := transmit(source, k, n, length, lost, esis)
			if err != nil {
				t.Fatal(name, err)
			}
			for i, r := range repair {
				if !bytes.Equal(got[i].Symbol, r.Symbol) {
					t.Fatalf("%s: another repair symbol %d", name, r.ESI)
				}
			}
			repair = got
		}
		withSlices(func() { encode("slices") })
		eachTile(encode)
	})
}

// transmit encodes a block, loses source symbols, and decodes it from the repair symbols with
// the given ESIs, counted from k, which it returns.
func transmit(source []byte, k, n, length int, lost, esis []int) ([]Repair, error) {
	enc, err := NewEncoder(k, n, length)
	if err != nil {
		return nil, err
	}
	symbols := make([][]byte, k)
	for i := range symbols {
		symbols[i] = source[i*length : (i+1)*length]
	}
	var repair []Repair
	for _, esi := range esis {
		r := Repair{ESI: k + esi, Symbol: make([]byte, length)}
		if err := enc.Encode(symbols, r.ESI, [][]byte{r.Symbol}); err != nil {
			return nil, err
		}
		repair = append(repair, r)
	}
	dec, err := NewDecoder(k, n, length)
	if err != nil {
		return nil, err
	}
	present := make([]bool, k)
	for i := range present {
		present[i] = true
	}
	block := bytes.Clone(source)
	for i, esi := range lost {
		present[esi] = false
		block[esi*length] ^= byte(i + 1)
	}
	if err := dec.Decode(block, func(esi int) bool { return present[esi] }, repair); err != nil {
		return nil, err
	}
	if !bytes.Equal(block, source) {
		return nil, fmt.Errorf("the block came back wrong")
	}
	return repair, nil
}
