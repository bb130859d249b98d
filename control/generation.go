package control

import (
	"cmp"
	"encoding/hex"
	"fmt"

	"github.com/zeebo/blake3"
)

// Generation says whose numbering a sequence belongs to. Order grows when an operator
// restores or promotes an origin, Random is drawn then; so an origin restored from an older
// backup is never taken for the one it replaces.
type Generation struct {
	Order  uint32
	Random uint64
}

// Compare returns -1, 0 or +1: by Order, then by Random.
func (g Generation) Compare(o Generation) int {
	if c := cmp.Compare(g.Order, o.Order); c != 0 {
		return c
	}
	return cmp.Compare(g.Random, o.Random)
}

// String returns the order and the random number, as in "1-00c0ffee00c0ffee".
func (g Generation) String() string { return fmt.Sprintf("%d-%016x", g.Order, g.Random) }

// Hash is a BLAKE3 digest of 256 bits.
type Hash [32]byte

// Sum returns the BLAKE3 digest of b.
func Sum(b []byte) Hash { return blake3.Sum256(b) }

// String returns the hash in lower-case hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }
