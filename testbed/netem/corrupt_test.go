package netem

import (
	"bytes"
	"math/bits"
	"testing"
)

func TestFlip(t *testing.T) {
	if n := Flip(nil, 1); n != 0 {
		t.Errorf("%d bits of nothing", n)
	}
	var several bool
	for seed := range uint64(2000) {
		for _, length := range []int{1, 2, 60, 1500} {
			one, two := make([]byte, length), make([]byte, length)
			said := Flip(one, seed)
			Flip(two, seed)
			if !bytes.Equal(one, two) {
				t.Fatalf("seed %d: two damages", seed)
			}
			var flipped int
			for _, b := range one {
				flipped += bits.OnesCount8(b)
			}
			if flipped == 0 || flipped > said || said > 1+length/flipEvery {
				t.Fatalf("seed %d, %d bytes: %d bits flipped, %d said", seed, length, flipped, said)
			}
			several = several || flipped > 2
		}
	}
	if !several {
		t.Error("never more than two bits")
	}
}
