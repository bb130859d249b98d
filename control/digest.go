package control

import "encoding/binary"

// rowSum is the sum of the digests of rows, as four numbers of 64 bits: it does not
// depend on order, and a row can be taken out again.
type rowSum [4]uint64

func (s *rowSum) add(h Hash) {
	for i := range s {
		s[i] += binary.LittleEndian.Uint64(h[8*i:])
	}
}

func (s *rowSum) remove(h Hash) {
	for i := range s {
		s[i] -= binary.LittleEndian.Uint64(h[8*i:])
	}
}

func (s *rowSum) hash() (h Hash) {
	for i := range s {
		binary.LittleEndian.PutUint64(h[8*i:], s[i])
	}
	return h
}
