package control

import (
	"cmp"
	"fmt"
	"slices"
)

// Changes is what a store must do to follow the catalogue, in one batch.
type Changes struct {
	// Mark and Hash say up to which entry the rows are exact.
	Mark uint64
	Hash Hash
	// Delete are objects of bundles at or below the mark that are rows no more: dead, or older than a
	// complete version; ascending. All others of these bundles are rows: the newest of a key exact as
	// of Mark, older ones kept to be served while a newer one is incomplete.
	Delete []RowID
	// Folded are the entries, now at or below the mark, that a store may forget. What it needs to
	// finish an incomplete bundle (OTI, digests) it keeps until the bundle is in Released.
	Folded []uint64
	// Released are bundles that nothing points to any more: their files and their rows may go.
	Released []uint64
}

// Empty reports whether there is nothing to do.
func (c *Changes) Empty() bool {
	return len(c.Delete)+len(c.Folded)+len(c.Released) == 0
}

// Fold moves the mark as far as entries and manifests allow, and returns all changes since the last
// call. A publish whose manifest is not here is folded if the overlay has an entry that retires
// it, and only together with all up to that one: in between, the rows would not be exact.
//
// It returns an error that wraps ErrChain if the next entry does not follow from the one at the
// mark: that entry is forgotten with its manifest and what Complete said of its bytes, so that
// it is Missing again, and counted in Stats. The changes are valid then too.
func (c *Catalogue) Fold() (Changes, error) {
	var err error
	for err == nil {
		end := c.foldable()
		if end == c.mark {
			break
		}
		if err = c.checkChain(end); err != nil {
			break
		}
		for c.mark < end {
			c.fold(c.overlay[c.mark+1])
		}
	}
	changes := c.changes
	c.changes = Changes{}
	changes.Mark, changes.Hash = c.mark, c.hash
	slices.SortFunc(changes.Delete, func(a, b RowID) int {
		return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Object, b.Object))
	})
	slices.Sort(changes.Released)
	changes.Released = slices.Compact(changes.Released)
	return changes, err
}

// foldable returns the end of the shortest run of entries from the mark that can be folded
// together; the mark if there is none.
func (c *Catalogue) foldable() uint64 {
	end := c.mark + 1
	for s := c.mark + 1; s <= end; s++ {
		p := c.overlay[s]
		if p == nil {
			return c.mark
		}
		if p.entry.Kind != KindPublish {
			continue
		}
		if b := c.bundles[s]; !b.hasManifest {
			if b.retiredBy == 0 {
				return c.mark
			}
			end = max(end, b.retiredBy)
		}
	}
	return end
}

// checkChain checks the hashes of the entries up to end, and forgets the first that is wrong.
func (c *Catalogue) checkChain(end uint64) error {
	previous := c.hash
	for s := c.mark + 1; s <= end; s++ {
		p := c.overlay[s]
		if p.entry.Previous != previous {
			c.revoke(s)
			c.stats.ChainBroken++
			return fmt.Errorf("%w: entry %d does not follow from entry %d as known here", ErrChain, s, s-1)
		}
		previous = p.hash
	}
	return nil
}

// Withdraw takes an entry above the mark back, with its manifest and what Complete said of its
// bytes, as if it had never come: it is of another log. It reports whether the entry was there.
func (c *Catalogue) Withdraw(sequence uint64) bool {
	if c.overlay[sequence] == nil {
		return false
	}
	c.revoke(sequence)
	return true
}

// revoke takes an entry of the overlay back.
func (c *Catalogue) revoke(sequence uint64) {
	delete(c.overlay, sequence)
	if b := c.bundles[sequence]; b != nil {
		c.detach(b)
		delete(c.bundles, sequence) // bytes that came for it are of another bundle
	}
	for _, b := range c.bundles {
		b.retiredBy = 0
	}
	c.floors, c.highest = newFloors(), c.mark
	for s, p := range c.overlay {
		c.enforce(p.entry)
		c.highest = max(c.highest, s)
	}
}

// fold makes the rows exact as of the next entry.
func (c *Catalogue) fold(p *pending) {
	e := p.entry
	c.mark, c.hash = e.Sequence, p.hash
	delete(c.overlay, e.Sequence)
	c.changes.Folded = append(c.changes.Folded, e.Sequence)
	switch e.Kind {
	case KindPublish:
		for _, s := range c.bundles[e.Sequence].slots {
			c.settle(s, e.Sequence)
		}
	case KindPurge:
		for _, s := range e.Purge {
			c.kill(s)
		}
	case KindRemove:
		for _, k := range e.Remove {
			c.kill(Selector{Kind: SelectKey, Key: k})
		}
	}
	c.floors.lower(e)
	// What was noted in advance about this sequence is of no use if no object came of it.
	if b := c.bundles[e.Sequence]; b != nil && b.live == 0 {
		c.release(b)
	}
}

// settle makes the version at the mark the row of its key.
func (c *Catalogue) settle(s *slot, sequence uint64) {
	i, found := s.index(sequence)
	if !found {
		return
	}
	if i > 0 {
		c.unseal(s, &s.versions[i-1])
	}
	c.seal(s, &s.versions[i])
	c.trim(s)
}

// seal adds a version to the digest and the count of rows.
func (c *Catalogue) seal(s *slot, v *version) {
	c.digest.add(v.sum(s.key))
	c.stats.Keys++
}

// unseal takes back seal.
func (c *Catalogue) unseal(s *slot, v *version) {
	c.digest.remove(v.sum(s.key))
	c.stats.Keys--
}

// kill drops the versions of the base that a selector matches, and all older ones of their keys. It
// looks at the keys that a tag or a key may match, and at all keys for a prefix.
func (c *Catalogue) kill(selector Selector) {
	switch selector.Kind {
	case SelectTag:
		for s := range c.tagged[selector.Tag] {
			c.killSlot(s, selector)
		}
		return
	case SelectPrefix, SelectAll:
		for key, s := range c.slots {
			if selector.Matches(key, nil) {
				c.killSlot(s, selector)
			}
		}
		return
	}
	key := selector.Key
	if key.Host != "" {
		c.killSlot(c.slots[key], selector)
		c.killSlot(c.slots[Key{Path: key.Path}], selector)
		return
	}
	for host := range c.hosts {
		c.killSlot(c.slots[Key{Host: host, Path: key.Path}], selector)
	}
}

func (c *Catalogue) killSlot(s *slot, selector Selector) {
	if s == nil {
		return
	}
	base := s.base(c.mark)
	for i := base - 1; i >= 0; i-- {
		if !selector.Matches(s.key, s.versions[i].tags) {
			continue
		}
		if i == base-1 {
			c.unseal(s, &s.versions[i])
		}
		c.stats.RowsKilled += uint64(i + 1)
		c.drop(s, i+1)
		return
	}
}
