package fec

import (
	"errors"
	"fmt"
)

// ErrShape is returned when a count, an ESI or a length is not what New was given.
var ErrShape = errors.New("fec: wrong shape")

// Encoder computes repair symbols of source blocks of k symbols. It belongs to one
// goroutine at a time.
type Encoder struct {
	generator generator
	length    int // E
}

// NewEncoder returns an encoder for blocks of k source symbols of e bytes, extended to at
// most n encoding symbols. It returns an error that wraps ErrShape unless
// 1 <= k <= n <= MaxSymbols and e >= 1.
func NewEncoder(k, n, e int) (*Encoder, error) {
	g, err := newGenerator(k, n)
	if err != nil {
		return nil, err
	}
	if e < 1 {
		return nil, fmt.Errorf("%w: encoding symbol length %d", ErrShape, e)
	}
	return &Encoder{generator: g, length: e}, nil
}

// Encode computes the repair symbols with ESI first, first+1, ... of one source block.
//
// src holds the k source symbols, repair the buffers to fill, each of exactly E bytes; a
// short last symbol is zero-padded by the caller. Encode keeps neither slice and does not
// allocate. It costs len(repair)·k·E multiplications in GF(2^8).
// It returns an error that wraps ErrShape, and writes nothing, if a count or a length is
// not the one given to NewEncoder or an ESI is not a repair symbol's.
func (c *Encoder) Encode(src [][]byte, first int, repair [][]byte) error {
	k, n := c.generator.k, c.generator.n
	if len(src) != k {
		return fmt.Errorf("%w: %d source symbols, want %d", ErrShape, len(src), k)
	}
	if first < k || len(repair) > n-first {
		return fmt.Errorf("%w: %d repair symbols from ESI %d, want them from %d to %d", ErrShape, len(repair), first, k, n-1)
	}
	for i, s := range src {
		if len(s) != c.length {
			return fmt.Errorf("%w: source symbol %d has %d bytes, want %d", ErrShape, i, len(s), c.length)
		}
	}
	for i, s := range repair {
		if len(s) != c.length {
			return fmt.Errorf("%w: buffer of repair symbol %d has %d bytes, want %d", ErrShape, first+i, len(s), c.length)
		}
	}
	for j, symbol := range repair {
		c.generator.row(first + j)
		clear(symbol)
	}
	accumulate(c.generator.rows[first-k:first-k+len(repair)], src, repair)
	return nil
}
