package control

import "math/bits"

// A mixer is a hash of 64 bits in the making: the same on every machine, quick, and good
// enough to find what went wrong by accident; nothing that anybody's trust rests on.
type mixer uint64

// Numbers without pattern: digits of pi and of the golden ratio.
const (
	mixPi  = 0x243f6a8885a308d3
	mixPhi = 0x9e3779b97f4a7c15
)

func (m *mixer) uint(n uint64) {
	hi, lo := bits.Mul64(uint64(*m)^n^mixPi, mixPhi)
	*m = mixer(hi ^ lo)
}

// string mixes in a text and its length.
func (m *mixer) string(s string) {
	n := len(s)
	for ; len(s) >= 8; s = s[8:] {
		m.uint(load(s))
	}
	tail := uint64(n) << 56
	for i := range len(s) {
		tail |= uint64(s[i]) << (8 * i)
	}
	m.uint(tail)
}

// load reads eight bytes.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// hash is for tables of keys.
func (k *Key) hash() uint64 {
	var m mixer
	m.string(k.Host)
	m.string(k.Path)
	return uint64(m)
}
