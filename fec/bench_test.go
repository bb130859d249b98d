package fec

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// The throughput of all benchmarks is counted on the bytes of the block, k·E, however
// many symbols are computed: it says how fast blocks go by.

const (
	benchK = 200
	benchE = 1408
)

func benchmarkEncode(b *testing.B, symbols int) {
	rng := rand.New(rand.NewPCG(1, 2))
	src := randomSymbols(rng, benchK, benchE)
	repair := randomSymbols(rng, symbols, benchE)
	enc, err := NewEncoder(benchK, MaxSymbols, benchE)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(benchK * benchE)
	b.ReportAllocs()
	for b.Loop() {
		if err := enc.Encode(src, benchK, repair); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodeOne computes one repair symbol on demand: its time per operation counts.
func BenchmarkEncodeOne(b *testing.B) { benchmarkEncode(b, 1) }

// BenchmarkEncodeTen computes 10 repair symbols of a block of 200.
func BenchmarkEncodeTen(b *testing.B) { benchmarkEncode(b, 10) }

// BenchmarkDecode computes missing source symbols of a block of 200, from scattered
// repair symbols; and as a machine does that has no GFNI.
func BenchmarkDecode(b *testing.B) {
	for _, lost := range []int{1, 10, 55} {
		b.Run(strconv.Itoa(lost), func(b *testing.B) { benchmarkDecode(b, lost) })
	}
	withSlices(func() { b.Run("10/slices", func(b *testing.B) { benchmarkDecode(b, 10) }) })
}

func benchmarkDecode(b *testing.B, lost int) {
	rng := rand.New(rand.NewPCG(1, 2))
	block := newTestBlock(b, rng, benchK, MaxSymbols, benchE)
	present := make([]bool, benchK)
	for i, esi := range rng.Perm(benchK) {
		present[esi] = i >= lost
	}
	var repair []Repair
	for _, i := range rng.Perm(MaxSymbols - benchK)[:lost] {
		repair = append(repair, block.repair(benchK+i))
	}
	dec, err := NewDecoder(benchK, MaxSymbols, benchE)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(benchK * benchE)
	b.ReportAllocs()
	for b.Loop() {
		if err := dec.Decode(block.source, func(esi int) bool { return present[esi] }, repair); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNewDecoder makes a decoder for a k not seen before and decodes nothing.
func BenchmarkNewDecoder(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewDecoder(benchK, MaxSymbols, benchE); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRow computes one row of the generator.
func BenchmarkRow(b *testing.B) {
	g, err := newGenerator(benchK, MaxSymbols)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		g.rows[0] = nil
		g.row(benchK)
	}
}
