package edgecache

import "math/bits"

// symbols is a set of source symbols of one block, by ESI.
type symbols [4]uint64

func (s *symbols) has(esi int) bool { return s[esi>>6]&(1<<(esi&63)) != 0 }
func (s *symbols) set(esi int)      { s[esi>>6] |= 1 << (esi & 63) }

func (s *symbols) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// runs calls f for each run of consecutive members from first, count long, until it
// returns an error.
func (s *symbols) runs(f func(first, count int) error) error {
	for i := 0; i < 256; {
		if !s.has(i) {
			i++
			continue
		}
		first := i
		for i < 256 && s.has(i) {
			i++
		}
		if err := f(first, i-first); err != nil {
			return err
		}
	}
	return nil
}

// blockSet is a set of the source blocks of one bundle, with its size.
type blockSet struct {
	words []uint64
	count uint32
}

func newBlockSet(blocks uint32) blockSet {
	return blockSet{words: make([]uint64, (uint64(blocks)+63)/64)}
}

func (s *blockSet) has(sbn uint32) bool { return s.words[sbn>>6]&(1<<(sbn&63)) != 0 }

func (s *blockSet) set(sbn uint32) {
	if !s.has(sbn) {
		s.words[sbn>>6] |= 1 << (sbn & 63)
		s.count++
	}
}

func (s *blockSet) clear(sbn uint32) {
	if s.has(sbn) {
		s.words[sbn>>6] &^= 1 << (sbn & 63)
		s.count--
	}
}

// ranges returns the members below blocks as ranges, ascending.
func (s *blockSet) ranges(blocks uint32) []BlockRange {
	var all []BlockRange
	for sbn := uint32(0); sbn < blocks; sbn++ {
		if !s.has(sbn) {
			continue
		}
		if n := len(all); n > 0 && all[n-1].First+all[n-1].Count == sbn {
			all[n-1].Count++
		} else {
			all = append(all, BlockRange{First: sbn, Count: 1})
		}
	}
	return all
}
