package control

import (
	"fmt"
	"iter"
)

// Stored is what a store kept of a bundle at or below the mark: its objects as DecodeRows returns
// them, and those of them that Changes deleted.
type Stored struct {
	Sequence uint64
	Objects  []Object
	Deleted  ObjectSet
}

// Restore replaces the state by one that a store kept: the mark and the hash of that entry, the
// bundles that Changes had not released, in any order (those above the mark are passed over), and the
// bundles whose bytes are here. Entries above the mark, and their manifests, are then applied
// again. A complete bundle without rows is in Released of the next Changes. Bundles
// whose bytes went are told as complete, and then by Evicted.
func (c *Catalogue) Restore(mark uint64, hash Hash, bundles iter.Seq[Stored], complete iter.Seq[uint64]) {
	c.reset()
	c.mark, c.hash, c.highest = mark, hash, mark
	for stored := range bundles {
		if stored.Sequence > mark {
			continue
		}
		b := c.bundle(stored.Sequence)
		if c.attach(b, stored.Objects, stored.Deleted); b.live == 0 {
			c.release(b)
		}
	}
	for sequence := range complete {
		if c.bundles[sequence] == nil && sequence <= mark {
			c.changes.Released = append(c.changes.Released, sequence)
			continue
		}
		b := c.bundle(sequence)
		b.complete = true
	}
	for _, s := range c.slots { // Fold sorts what comes of it
		c.seal(s, s.newest())
		c.trim(s)
	}
}

// Rows yields the rows exact as of the mark, one for each key, in no order.
func (c *Catalogue) Rows() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for _, s := range c.slots {
			if n := s.base(c.mark); n > 0 && !yield(s.versions[n-1].row(s.key)) {
				return
			}
		}
	}
}

// CheckHead compares a head that OpenHead accepted with what is here. It returns an error that wraps
// ErrChannel, ErrGeneration, or ErrChain if the entry at the head is here with another hash.
func (c *Catalogue) CheckHead(h Head) error {
	if h.Channel != c.config.Channel {
		return fmt.Errorf("%w: head of channel %d, this is %d", ErrChannel, h.Channel, c.config.Channel)
	}
	if h.Generation != c.config.Generation {
		return fmt.Errorf("%w: head of generation %v, this is %v", ErrGeneration, h.Generation, c.config.Generation)
	}
	hash, known := c.hash, h.Sequence == c.mark
	if p := c.overlay[h.Sequence]; p != nil {
		hash, known = p.hash, true
	}
	if known && hash != h.Hash {
		return fmt.Errorf("%w: the head is entry %d with another hash", ErrChain, h.Sequence)
	}
	return nil
}

// Retirable reports whether a bundle, of which the publisher still has the manifest, has no live
// object and may be retired; purge are those of its keys that must be purged by name first, so
// that one who never saw the manifest comes to the same rows.
func (c *Catalogue) Retirable(sequence uint64, m *Manifest) (purge []Key, ok bool) {
	if sequence > c.mark || c.bundles[sequence] != nil {
		return nil, false
	}
	for i := range m.Objects {
		s := c.slots[m.Objects[i].Key]
		if s == nil || s.base(c.mark) == 0 {
			purge = append(purge, m.Objects[i].Key)
		}
	}
	return purge, true
}
