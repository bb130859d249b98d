package control

import "encoding/binary"

// rowSum is the sum of numbers that stand for rows, four of 64 bits for each: it does not depend on
// order, and a row can be taken out again. It finds what went wrong by accident; whose entries have
// the same hash has the same rows in them, since the hash covers the digests of manifests.
type rowSum [4]uint64

func (s *rowSum) add(o rowSum) {
	for i := range s {
		s[i] += o[i]
	}
}

func (s *rowSum) remove(o rowSum) {
	for i := range s {
		s[i] -= o[i]
	}
}

func (s *rowSum) hash() (h Hash) {
	for i := range s {
		binary.LittleEndian.PutUint64(h[8*i:], s[i])
	}
	return h
}

// sum returns the numbers of a version as the row of a key: all that the row has goes into each.
func (v *version) sum(key Key) (s rowSum) {
	m := mixer(v.hash)
	m.string(key.Host)
	m.string(key.Path)
	m.uint(v.sequence())
	m.uint(v.offset)
	m.uint(v.length)
	for i := range s {
		m.uint(binary.LittleEndian.Uint64(v.body[8*i:]))
	}
	for i := range s {
		m.uint(uint64(i))
		s[i] = uint64(m)
	}
	return s
}

// mix returns a hash of the fields.
func (f *fields) mix() uint64 {
	var m mixer
	m.uint(uint64(len(f.headers)))
	for _, h := range f.headers {
		m.string(h.Name)
		m.string(h.Value)
	}
	for _, t := range f.tags {
		m.string(t)
	}
	return uint64(m)
}
