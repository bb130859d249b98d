// Package fec cuts objects into source blocks (RFC 5052) and computes and repairs their
// symbols with Reed-Solomon codes over GF(2^8) (RFC 5510).
//
// # Code
//
// A source block has k source symbols of E bytes each; they are encoded into n <= 255
// encoding symbols, of which the first k are the source symbols themselves. Any k distinct
// ones give the block back. The encoding symbol with ESI j is the polynomial of degree
// below k, which takes the value of source symbol i at alpha^i, evaluated at alpha^j. This
// is the generator of RFC 5510 §8: G = V(k,k)^-1 · V(k,n) with v(i,j) = alpha^(i·j) and
// the field polynomial x^8+x^4+x^3+x^2+1 (0x11d). Other codecs number the points
// differently and make other repair symbols; ours are proved against
// testdata/vectors.json, which testdata/vectors.py computes straight from the formula.
//
// A repair symbol depends on k and its ESI, not on n: a block encoded with a larger n has
// the same first repair symbols.
//
// # Speed
//
// Both directions are one product of a matrix and a vector of symbols (accumulate): an encoder
// multiplies rows of the generator by the source symbols. With e source symbols missing, a
// decoder does the same with those that are present, adds the repair symbols received, and
// multiplies the e sums by the inverse of an e×e matrix, which is known in closed form.
//
// One coefficient at a time, such a product is a matter of memory: each of k·e multiplications of a
// symbol reads and writes a sum. So it is done in tiles of ten symbols by ten, whose ten sums stay
// in registers while ten symbols are read once, by GF2P8AFFINEQB, which multiplies 64 bytes at once
// by a coefficient given as a matrix of bits. That is more than three times as fast. The routines
// are klauspost/reedsolomon's, but its API has no call for them: Encode takes them only for up
// to ten source symbols, overwrites the sums, and allocates each time (20 allocations and
// 53 µs for ten repair symbols of 200 source symbols, where they take 19); for more it takes AVX2
// (2 and 55 µs); and encoders have a fixed matrix, while a decoder's depends on what was lost. So
// tile_amd64.go calls them by go:linkname. They are bound to the version in go.mod: if a later one
// renames them the build fails; that it has not changed them only the tests show, and only where
// there is GFNI.
//
// Without that instruction (GFNI: from Intel's Ice Lake and AMD's Zen 4 on), on other architectures
// and with the build tag noasm, symbols are multiplied one coefficient at a time, with what LowLevel
// has (AVX2, SSSE3, NEON; the library's tiles for AVX2 are only 15 % faster), and so are the last
// bytes of symbols whose length is no multiple of 64. All ways give the same bytes.
//
// # Contract
//
// The package is pure: it reads no clock, starts no goroutine and holds no global state
// but tables. An [Encoder] or [Decoder] is for one k, n and E and belongs to one goroutine
// at a time; making one costs a few allocations of less than 32 KB together and no
// inversion, so blocks of different k may each have their own. Neither Encode nor Decode
// allocates in steady state, keeps what it was handed, or writes to anything but its
// output. Neither can tell a corrupt symbol from a sound one: check digests of what was
// decoded.
package fec
