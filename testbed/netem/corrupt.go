package netem

import "math/rand/v2"

// flipEvery is how many bytes of a damaged packet there are to one flipped bit: damage of one
// bit and of several, as a sum may catch the one and miss the other.
const flipEvery = 256

// Flip damages a packet: it flips one bit, and up to one more for each 256 bytes, and says how
// many. The same seed, such as Arrivals.Corrupt, and length give the same damage. At least one bit
// differs afterwards, unless b is empty.
func Flip(b []byte, seed uint64) (bits int) {
	if len(b) == 0 {
		return 0
	}
	rng := rand.New(rand.NewPCG(seed, uint64(len(b))))
	bits = 1 + rng.IntN(1+len(b)/flipEvery)
	first := rng.IntN(8 * len(b))
	b[first/8] ^= 1 << (first % 8)
	for range bits - 1 {
		// Never the first again, which could undo it.
		at := (first + 1 + rng.IntN(8*len(b)-1)) % (8 * len(b))
		b[at/8] ^= 1 << (at % 8)
	}
	return bits
}
