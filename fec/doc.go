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
// # Contract
//
// The package is pure: it reads no clock, starts no goroutine and holds no global state
// but tables. An [Encoder] or [Decoder] is for one k, n and E and belongs to one goroutine
// at a time; making one costs two allocations of less than 32 KB together and no
// inversion, so blocks of different k may each have their own. Neither Encode nor Decode
// allocates in steady state, keeps what it was handed, or writes to anything but its
// output. Neither can tell a corrupt symbol from a sound one: check digests of what was
// decoded.
package fec
