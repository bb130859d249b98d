package fec

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// decode loses the source symbols that present does not name, fills their places with
// rubbish, and tests that Decode brings them back from the given repair symbols without
// touching those.
func (b *testBlock) decode(t *testing.T, dec *Decoder, present func(esi int) bool, repair []Repair) {
	t.Helper()
	block := bytes.Clone(b.source)
	for i := range b.k {
		if !present(i) {
			for j := range b.e {
				block[i*b.e+j] ^= byte(i + j + 1)
			}
		}
	}
	kept := make([][]byte, len(repair))
	for i, r := range repair {
		kept[i] = bytes.Clone(r.Symbol)
	}
	if err := dec.Decode(block, present, repair); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(block, b.source) {
		t.Fatal("the block came back wrong")
	}
	for i, r := range repair {
		if !bytes.Equal(kept[i], r.Symbol) {
			t.Fatalf("repair symbol %d was written to", r.ESI)
		}
	}
}

// TestDecodeEveryPattern tries every set of exactly k received symbols of every code up
// to n = 9, which with TestDecodeSurplus is every pattern that can be decoded.
func TestDecodeEveryPattern(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for n := 1; n <= 9; n++ {
		for k := 1; k <= n; k++ {
			b := newTestBlock(t, rng, k, n, 5)
			dec, err := NewDecoder(k, n, 5)
			if err != nil {
				t.Fatal(err)
			}
			for set := range uint(1) << n {
				if bits.OnesCount(set) != k {
					continue
				}
				var repair []Repair
				for esi := k; esi < n; esi++ {
					if set>>esi&1 == 1 {
						repair = append(repair, b.repair(esi))
					}
				}
				b.decode(t, dec, func(esi int) bool { return set>>esi&1 == 1 }, repair)
			}
		}
	}
}

func TestDecodeRandom(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, shape := range []struct{ k, n, e int }{
		{200, 255, 1408}, {160, 255, 1344}, {128, 255, 64}, {96, 255, 33}, {254, 255, 16}, {1, 255, 7}, {10, 14, 1}, {255, 255, 3},
	} {
		t.Run(fmt.Sprintf("%d of %d", shape.k, shape.n), func(t *testing.T) {
			b := newTestBlock(t, rng, shape.k, shape.n, shape.e)
			dec, err := NewDecoder(shape.k, shape.n, shape.e)
			if err != nil {
				t.Fatal(err)
			}
			most := min(shape.k, shape.n-shape.k)
			for round := range 12 {
				e := most
				if round > 0 {
					e = rng.IntN(most + 1)
				}
				lost := make([]bool, shape.k)
				for _, i := range rng.Perm(shape.k)[:e] {
					lost[i] = true
				}
				var repair []Repair
				for _, i := range rng.Perm(shape.n - shape.k)[:e] {
					repair = append(repair, b.repair(shape.k+i))
				}
				b.decode(t, dec, func(esi int) bool { return !lost[esi] }, repair)
			}
		})
	}
}

// TestDecodeSurplus: more repair symbols than needed are no error, and change nothing.
func TestDecodeSurplus(t *testing.T) {
	b := newTestBlock(t, rand.New(rand.NewPCG(11, 12)), 6, 12, 16)
	dec, err := NewDecoder(6, 12, 16)
	if err != nil {
		t.Fatal(err)
	}
	repair := []Repair{b.repair(11), b.repair(6), b.repair(8)}
	b.decode(t, dec, func(esi int) bool { return esi != 3 }, repair)
	b.decode(t, dec, func(int) bool { return true }, repair)
	b.decode(t, dec, func(int) bool { return true }, nil)
}

func TestDecodeErrors(t *testing.T) {
	const k, n, e = 6, 10, 16
	b := newTestBlock(t, rand.New(rand.NewPCG(13, 14)), k, n, e)
	tests := []struct {
		name   string
		block  int // its length
		lost   int // how many of the first source symbols
		repair []Repair
		want   error
	}{
		{"short block", k*e - 1, 0, nil, ErrShape},
		{"long block", k*e + 1, 0, nil, ErrShape},
		{"no repair symbol", k * e, 1, nil, ErrTooFew},
		{"too few repair symbols", k * e, 3, []Repair{b.repair(6), b.repair(9)}, ErrTooFew},
		{"the same twice", k * e, 2, []Repair{b.repair(7), b.repair(7)}, ErrDuplicate},
		{"the same twice in surplus", k * e, 1, []Repair{b.repair(7), b.repair(8), b.repair(8)}, ErrDuplicate},
		{"a source symbol", k * e, 1, []Repair{b.repair(5)}, ErrShape},
		{"negative ESI", k * e, 1, []Repair{{ESI: -1, Symbol: make([]byte, e)}}, ErrShape},
		{"ESI n", k * e, 1, []Repair{{ESI: n, Symbol: make([]byte, e)}}, ErrShape},
		{"short repair symbol", k * e, 1, []Repair{{ESI: 6, Symbol: make([]byte, e-1)}}, ErrShape},
		{"nil repair symbol", k * e, 1, []Repair{{ESI: 6}}, ErrShape},
	}
	dec, err := NewDecoder(k, n, e)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			block := make([]byte, tt.block)
			err := dec.Decode(block, func(esi int) bool { return esi >= tt.lost }, tt.repair)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if !bytes.Equal(block, make([]byte, tt.block)) {
				t.Error("a refused call wrote")
			}
		})
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	const k, n, e, lost = 20, 60, 128, 8
	b := newTestBlock(t, rand.New(rand.NewPCG(15, 16)), k, n, e)
	dec, err := NewDecoder(k, n, e)
	if err != nil {
		t.Fatal(err)
	}
	repair := make([]Repair, lost)
	first := k
	run := func() {
		for i := range repair {
			repair[i] = b.repair(first + i)
		}
		first++ // rows not used before, too
		offset := first - k
		if err := dec.Decode(b.source, func(esi int) bool { return esi < offset || esi >= offset+lost }, repair); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if allocs := testing.AllocsPerRun(10, run); allocs != 0 {
		t.Errorf("%v allocations a call, want 0", allocs)
	}
}

// FuzzDecode loses source symbols by the bits of the input and repairs them from repair
// symbols chosen by it, duplicates and impossible ones included.
func FuzzDecode(f *testing.F) {
	f.Add(uint8(4), uint8(3), uint8(8), []byte{0b0101, 4, 6})
	f.Add(uint8(200), uint8(55), uint8(64), []byte{0xff, 0, 0, 200, 201, 202, 203, 204, 205, 206, 254})
	f.Add(uint8(0), uint8(0), uint8(0), []byte{})
	f.Fuzz(func(t *testing.T, k8, extra, e8 uint8, choices []byte) {
		k := max(1, int(k8))
		n := min(MaxSymbols, k+int(extra))
		e := max(1, int(e8))
		b := newTestBlock(t, rand.New(rand.NewPCG(uint64(k), uint64(n))), k, n, e)
		cut := min(len(choices), (k+7)/8)
		lost := func(esi int) bool { return esi/8 < cut && choices[esi/8]>>(esi%8)&1 == 1 }
		var repair []Repair
		seen, bad, missing := map[byte]bool{}, false, 0
		for _, esi := range choices[cut:] {
			bad = bad || seen[esi] || int(esi) < k || int(esi) >= n
			seen[esi] = true
			r := Repair{ESI: int(esi), Symbol: make([]byte, e)}
			if int(esi) < n {
				r = b.repair(int(esi))
			}
			repair = append(repair, r)
		}
		block := bytes.Clone(b.source)
		for i := range k {
			if lost(i) {
				missing++
				clear(block[i*e : (i+1)*e])
			}
		}
		dec, err := NewDecoder(k, n, e)
		if err != nil {
			t.Fatal(err)
		}
		err = dec.Decode(block, func(esi int) bool { return !lost(esi) }, repair)
		if wantErr := bad || len(repair) < missing; (err != nil) != wantErr {
			t.Fatalf("k = %d, n = %d, %d missing, %d repair symbols: %v", k, n, missing, len(repair), err)
		}
		if err == nil && !bytes.Equal(block, b.source) {
			t.Fatal("the block came back wrong")
		}
	})
}
