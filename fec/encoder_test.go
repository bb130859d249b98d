package fec

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestEncodeErrors(t *testing.T) {
	const k, n, e = 5, 9, 32
	rng := rand.New(rand.NewPCG(3, 4))
	src, repair := randomSymbols(rng, k, e), randomSymbols(rng, n-k, e)
	shortSource := append(randomSymbols(rng, k-1, e), make([]byte, e-1))
	shortRepair := append(randomSymbols(rng, 1, e), make([]byte, e+1))
	tests := []struct {
		name   string
		src    [][]byte
		first  int
		repair [][]byte
	}{
		{"too few source symbols", src[1:], k, repair},
		{"too many source symbols", append(src[:k:k], src[0]), k, repair},
		{"a source symbol as first", src, k - 1, repair},
		{"negative ESI", src, -1, repair[:1]},
		{"beyond n", src, k + 1, repair},
		{"far beyond n", src, 1 << 40, nil},
		{"a short source symbol", shortSource, k, repair},
		{"a long buffer", src, k, shortRepair},
	}
	enc, err := NewEncoder(k, n, e)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := bytes.Join(tt.repair, nil)
			if err := enc.Encode(tt.src, tt.first, tt.repair); !errors.Is(err, ErrShape) {
				t.Errorf("got %v, want ErrShape", err)
			}
			if !bytes.Equal(before, bytes.Join(tt.repair, nil)) {
				t.Error("a refused call wrote")
			}
		})
	}
	if err := enc.Encode(src, n, nil); err != nil {
		t.Errorf("no symbols from n: %v", err)
	}
}

func TestEncodeDoesNotAllocate(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	src, repair := randomSymbols(rng, 20, 128), randomSymbols(rng, 5, 128)
	enc, err := NewEncoder(20, 40, 128)
	if err != nil {
		t.Fatal(err)
	}
	first := 20
	allocs := testing.AllocsPerRun(10, func() {
		if err := enc.Encode(src, first, repair); err != nil {
			t.Fatal(err)
		}
		first++ // rows not used before, too
	})
	if allocs != 0 {
		t.Errorf("%v allocations a call, want 0", allocs)
	}
}
