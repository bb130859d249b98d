package fec

import (
	"math/rand/v2"
	"testing"
)

// testBlock is a source block with all of its encoding symbols.
type testBlock struct {
	k, n, e int
	source  []byte   // k·e bytes
	symbols [][]byte // n encoding symbols; the first k alias source
}

func newTestBlock(t testing.TB, rng *rand.Rand, k, n, e int) *testBlock {
	t.Helper()
	b := &testBlock{k: k, n: n, e: e, source: make([]byte, k*e)}
	for i := range b.source {
		b.source[i] = byte(rng.Uint32())
	}
	for i := range k {
		b.symbols = append(b.symbols, b.source[i*e:(i+1)*e])
	}
	b.symbols = append(b.symbols, randomSymbols(rng, n-k, e)...)
	enc, err := NewEncoder(k, n, e)
	if err != nil {
		t.Fatal(err)
	}
	if err := enc.Encode(b.symbols[:k], k, b.symbols[k:]); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *testBlock) repair(esi int) Repair { return Repair{ESI: esi, Symbol: b.symbols[esi]} }

func randomSymbols(rng *rand.Rand, count, e int) [][]byte {
	symbols := make([][]byte, count)
	for i := range symbols {
		symbols[i] = make([]byte, e)
		for j := range symbols[i] {
			symbols[i][j] = byte(rng.Uint32())
		}
	}
	return symbols
}
