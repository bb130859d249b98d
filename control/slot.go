package control

import "slices"

// slot has the versions of one key, ascending. Those at or below the mark are its base: if it
// is not empty its newest is the row, and older ones are there to be served, or to become
// complete, until a newer one of the base is complete.
type slot struct {
	key      Key
	versions []version
}

// version is one version of a key.
type version struct {
	sequence uint64
	object   *Object
	bundle   *bundle
	digest   Hash // of the row's encoding; set when it is at or below the mark
}

func (v *version) row() Row { return Row{Object: *v.object, Version: v.sequence} }

// base returns how many of the versions are at or below the mark.
func (s *slot) base(mark uint64) int {
	n := len(s.versions)
	for n > 0 && s.versions[n-1].sequence > mark {
		n--
	}
	return n
}

// index returns where the version is, or would be.
func (s *slot) index(sequence uint64) (int, bool) {
	return slices.BinarySearchFunc(s.versions, sequence, func(v version, sequence uint64) int {
		switch {
		case v.sequence < sequence:
			return -1
		case v.sequence > sequence:
			return 1
		}
		return 0
	})
}

// newest returns the newest version announced.
func (s *slot) newest() *version { return &s.versions[len(s.versions)-1] }

// insert adds a version of an object to the slot of its key.
func (c *Catalogue) insert(b *bundle, o *Object) {
	s := c.slots[o.Key]
	if s == nil {
		s = &slot{key: o.Key}
		c.slots[o.Key] = s
		c.hosts[o.Key.Host]++
	}
	i, found := s.index(b.sequence)
	if found {
		return
	}
	s.versions = slices.Insert(s.versions, i, version{sequence: b.sequence, object: o, bundle: b})
	b.slots = append(b.slots, s)
	b.live++
	c.stats.Versions++
	for _, t := range o.Tags {
		if c.tagged[t] == nil {
			c.tagged[t] = make(map[*slot]int)
		}
		c.tagged[t][s]++
	}
}

// untag takes note that a slot has lost a version of an object.
func (c *Catalogue) untag(s *slot, o *Object) {
	for _, t := range o.Tags {
		slots := c.tagged[t]
		if slots[s]--; slots[s] > 0 {
			continue
		}
		if delete(slots, s); len(slots) == 0 {
			delete(c.tagged, t)
		}
	}
}

// drop removes the n oldest versions of a slot, which are of its base, and what nothing
// points to any more. The digest is the caller's business.
func (c *Catalogue) drop(s *slot, n int) {
	for _, v := range s.versions[:n] {
		c.changes.Delete = append(c.changes.Delete, RowID{s.key, v.sequence})
		c.untag(s, v.object)
		c.leave(v.bundle)
	}
	s.versions = slices.Delete(s.versions, 0, n)
	c.forget(s)
}

// leave takes note that a bundle has lost a version.
func (c *Catalogue) leave(b *bundle) {
	c.stats.Versions--
	if b.live--; b.live == 0 {
		c.release(b)
	}
}

// forget removes a slot without versions.
func (c *Catalogue) forget(s *slot) {
	if len(s.versions) > 0 {
		return
	}
	delete(c.slots, s.key)
	if c.hosts[s.key.Host]--; c.hosts[s.key.Host] == 0 {
		delete(c.hosts, s.key.Host)
	}
}

// trim drops the versions of a base that are older than a complete one, evicted or not.
func (c *Catalogue) trim(s *slot) {
	for i := s.base(c.mark) - 1; i > 0; i-- {
		if b := s.versions[i].bundle; b.complete || b.evicted {
			c.stats.RowsReplaced += uint64(i)
			c.drop(s, i)
			return
		}
	}
}
