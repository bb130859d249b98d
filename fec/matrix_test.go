package fec

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
)

// vector is one of testdata/vectors.json, which testdata/vectors.py wrote.
type vector struct {
	K, N           int
	Source, Repair []string // in hexadecimal
}

func loadVectors(t *testing.T) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatal("testdata/vectors.json is empty")
	}
	return vectors
}

func fromHex(t *testing.T, symbols []string) [][]byte {
	t.Helper()
	var out [][]byte
	for _, s := range symbols {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func TestEncodeVectors(t *testing.T) {
	for _, v := range loadVectors(t) {
		t.Run(fmt.Sprintf("%d of %d", v.K, v.N), func(t *testing.T) {
			source, want := fromHex(t, v.Source), fromHex(t, v.Repair)
			e := len(source[0])
			enc, err := NewEncoder(v.K, v.N, e)
			if err != nil {
				t.Fatal(err)
			}
			got := make([][]byte, len(want))
			for i := range got {
				got[i] = make([]byte, e)
			}
			if err := enc.Encode(source, v.K, got); err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("ESI %d is %x, want %x", v.K+i, got[i], want[i])
				}
			}
			// One at a time, last first, from an encoder that has no row yet.
			enc, _ = NewEncoder(v.K, v.N, e)
			for i := len(want) - 1; i >= 0; i-- {
				if err := enc.Encode(source, v.K+i, got[i:i+1]); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("ESI %d alone is %x, want %x", v.K+i, got[i], want[i])
				}
			}
		})
	}
}

func TestDecodeVectors(t *testing.T) {
	for _, v := range loadVectors(t) {
		source, repair := bytes.Join(fromHex(t, v.Source), nil), fromHex(t, v.Repair)
		e := len(source) / v.K
		lost := min(v.K, v.N-v.K) // the last source symbols, from the last repair symbols
		block := bytes.Clone(source)
		clear(block[(v.K-lost)*e:])
		var given []Repair
		for i := range lost {
			given = append(given, Repair{ESI: v.N - 1 - i, Symbol: repair[v.N-v.K-1-i]})
		}
		dec, err := NewDecoder(v.K, v.N, e)
		if err != nil {
			t.Fatal(err)
		}
		if err := dec.Decode(block, func(esi int) bool { return esi < v.K-lost }, given); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(block, source) {
			t.Errorf("%d of %d: %d lost source symbols came back wrong", v.K, v.N, lost)
		}
	}
}

// TestRowDoesNotDependOnN: proactive symbols stay right if n is chosen larger later.
func TestRowDoesNotDependOnN(t *testing.T) {
	for k := 1; k < MaxSymbols; k += 23 {
		small, _ := newGenerator(k, k+1)
		large, _ := newGenerator(k, MaxSymbols)
		if !bytes.Equal(small.row(k), large.row(k)) {
			t.Errorf("k = %d: the first repair row differs between n = %d and n = %d", k, k+1, MaxSymbols)
		}
	}
}

// TestRowSum: a constant block is a constant polynomial, so each row sums to 1.
func TestRowSum(t *testing.T) {
	for k := 1; k < MaxSymbols; k++ {
		g, err := newGenerator(k, MaxSymbols)
		if err != nil {
			t.Fatal(err)
		}
		for esi := k; esi < MaxSymbols; esi++ {
			var sum byte
			for _, c := range g.row(esi) {
				if c == 0 {
					t.Fatalf("k = %d: a zero in the row of ESI %d", k, esi)
				}
				sum ^= c
			}
			if sum != 1 {
				t.Fatalf("k = %d: the row of ESI %d sums to %#x, want 1", k, esi, sum)
			}
		}
	}
}

func TestNewShapes(t *testing.T) {
	tests := []struct {
		name    string
		k, n, e int
		ok      bool
	}{
		{"smallest", 1, 1, 1, true},
		{"largest", 255, 255, 65535, true},
		{"usual", 200, 255, 1408, true},
		{"no source symbols", 0, 10, 8, false},
		{"negative k", -1, 10, 8, false},
		{"n below k", 10, 9, 8, false},
		{"n above the field", 200, 256, 8, false},
		{"empty symbols", 10, 20, 0, false},
		{"negative length", 10, 20, -4, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, encErr := NewEncoder(tt.k, tt.n, tt.e)
			_, decErr := NewDecoder(tt.k, tt.n, tt.e)
			for _, err := range []error{encErr, decErr} {
				if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrShape) {
					t.Errorf("got %v, want ok = %v", err, tt.ok)
				}
			}
		})
	}
}
