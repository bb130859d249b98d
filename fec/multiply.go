package fec

import "github.com/klauspost/reedsolomon"

// simd multiplies whole symbols, one by one. It has no state.
var simd reedsolomon.LowLevel

// accumulate multiplies a matrix and a vector of symbols, which all have the same length, and adds
// the product: out[j] += Σ_i rows[j][i] · in[i]. An in[i] that is nil counts as zero. Nothing of
// in may overlap anything of out. It keeps nothing and does not allocate.
func accumulate(rows, in, out [][]byte) {
	done := 0
	if hasTiles {
		for j := 0; j < len(out); j += tileSide {
			end := min(j+tileSide, len(out))
			done = accumulateTiles(rows[j:end], in, out[j:end])
		}
	}
	accumulateSlices(rows, in, out, done)
}

// accumulateTiles is accumulate for at most tileSide symbols of out, and for the first bytes of
// the symbols, as many as it returns.
func accumulateTiles(rows, in, out [][]byte) (done int) {
	var tile struct {
		matrix [tileSide * tileSide]uint64
		in     [tileSide][]byte
	}
	columns := 0
	for i, symbol := range in {
		if symbol != nil {
			tile.in[columns] = symbol
			for j, row := range rows {
				tile.matrix[columns*len(rows)+j] = bitMatrices[row[i]]
			}
			columns++
		}
		if columns == tileSide || columns > 0 && i == len(in)-1 {
			done = multiplyTile(tile.matrix[:columns*len(rows)], tile.in[:columns], out)
			columns = 0
		}
	}
	return done
}

// accumulateSlices is accumulate for the bytes of the symbols from start on. One symbol of in goes
// into all of out while it is in the nearest cache.
func accumulateSlices(rows, in, out [][]byte, start int) {
	if len(out) == 0 || start == len(out[0]) {
		return
	}
	for i, symbol := range in {
		if symbol == nil {
			continue
		}
		for j, row := range rows {
			simd.GalMulSliceXor(row[i], symbol[start:], out[j][start:])
		}
	}
}

// bitMatrices has multiplication by each element of the field in the form that the instruction
// GF2P8AFFINEQB takes: bit i of the product is the parity of byte 7-i and the factor.
var bitMatrices = makeBitMatrices()

func makeBitMatrices() *[256]uint64 {
	var t [256]uint64
	for c := 1; c < len(t); c++ {
		lowest := c & -c
		if c != lowest {
			t[c] = t[lowest] ^ t[c^lowest]
			continue
		}
		product := c // c times the factor with only bit j
		for j := range 8 {
			for i := range 8 {
				t[c] |= uint64(product>>i&1) << (8*(7-i) + j)
			}
			if product <<= 1; product > 0xff {
				product ^= fieldPolynomial
			}
		}
	}
	return &t
}
