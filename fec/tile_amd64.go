//go:build gc && !appengine && !noasm

package fec

import (
	_ "unsafe" // for go:linkname

	"github.com/klauspost/cpuid/v2"
)

// tileSide is how many symbols go into a tile at most, and how many come out.
const tileSide = 10

var (
	hasAVX512 = cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512DQ, cpuid.GFNI)
	// hasTiles says that multiplyTile can be called.
	hasTiles = hasAVX512 || cpuid.CPU.Supports(cpuid.AVX, cpuid.GFNI)
)

// multiplyTile adds the product of a matrix and a vector of symbols to out. in and out have at
// most tileSide symbols each, of one length. The matrix lies column by column, in the form of
// bitMatrices. It returns how many bytes of each symbol it did: it leaves a remainder of less
// than 64.
func multiplyTile(matrix []uint64, in, out [][]byte) (done int) {
	if hasAVX512 {
		return galMulSlicesGFNIXor(matrix, in, out, 0, len(out[0]))
	}
	return galMulSlicesAvxGFNIXor(matrix, in, out, 0, len(out[0]))
}

// These are klauspost/reedsolomon's own; doc.go says why they are called by these names.

//go:linkname galMulSlicesGFNIXor github.com/klauspost/reedsolomon.galMulSlicesGFNIXor
//go:noescape
func galMulSlicesGFNIXor(matrix []uint64, in, out [][]byte, start, stop int) int

//go:linkname galMulSlicesAvxGFNIXor github.com/klauspost/reedsolomon.galMulSlicesAvxGFNIXor
//go:noescape
func galMulSlicesAvxGFNIXor(matrix []uint64, in, out [][]byte, start, stop int) int
