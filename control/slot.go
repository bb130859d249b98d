package control

import (
	"cmp"
	"slices"
)

// slot has the versions of one key, ascending. Those at or below the mark are its base: if it
// is not empty its newest is the row, and older ones are there to be served, or to become
// complete, until a newer one of the base is complete.
type slot struct {
	key      Key
	versions []version
}

// version is one version of a key: an object of a bundle.
type version struct {
	bundle *bundle
	*fields
	offset, length uint64
	body           Hash   // digest of the body
	number         uint32 // of the object in its bundle
}

// fields are what the versions of a bundle mostly share.
type fields struct {
	headers []Header
	tags    []string
	hash    uint64
}

func (v *version) sequence() uint64 { return v.bundle.sequence }

// row returns the version as the row of a key.
func (v *version) row(key Key) Row {
	return Row{Version: v.sequence(), Object: Object{
		Key: key, Offset: v.offset, Length: v.length, Digest: v.body, Headers: v.headers, Tags: v.tags,
	}}
}

// base returns how many of the versions are at or below the mark.
func (s *slot) base(mark uint64) int {
	n := len(s.versions)
	for n > 0 && s.versions[n-1].sequence() > mark {
		n--
	}
	return n
}

// index returns where the version is, or would be.
func (s *slot) index(sequence uint64) (int, bool) {
	return slices.BinarySearchFunc(s.versions, sequence, func(v version, sequence uint64) int {
		return cmp.Compare(v.sequence(), sequence)
	})
}

// newest returns the newest version announced.
func (s *slot) newest() *version { return &s.versions[len(s.versions)-1] }

// insert adds the version that is an object of a bundle to the slot of its key.
func (c *Catalogue) insert(b *bundle, number uint32, o *Object, f *fields) {
	s := c.slots[o.Key]
	if s == nil {
		s = c.spare.slot()
		s.key, s.versions = o.Key, c.spare.version()
		c.slots[o.Key] = s
		c.hosts[o.Key.Host]++
	}
	i, found := s.index(b.sequence)
	if found {
		return
	}
	s.versions = slices.Insert(s.versions, i, version{
		bundle: b, number: number, offset: o.Offset, length: o.Length, body: o.Digest, fields: f,
	})
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

// spare is memory for slots, and for the first version of each, of which a chunk is allocated
// at a time.
type spare struct {
	slots    []slot
	versions []version
	// expected is how many more are going to be asked for.
	expected int
}

// slot returns an empty slot, of which expected says whether more are to follow.
func (p *spare) slot() *slot {
	if len(p.slots) == 0 {
		n := max(1, min(chunk, p.expected))
		p.slots, p.versions = make([]slot, n), make([]version, n)
	}
	s := &p.slots[0]
	p.slots = p.slots[1:]
	return s
}

// version returns room for one version, once for each slot.
func (p *spare) version() []version {
	v := p.versions[:0:1]
	p.versions = p.versions[1:]
	return v
}

// untag takes note that a slot has lost a version with these tags.
func (c *Catalogue) untag(s *slot, tags []string) {
	for _, t := range tags {
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
	for i := range s.versions[:n] {
		v := &s.versions[i]
		c.changes.Delete = append(c.changes.Delete, RowID{v.sequence(), v.number})
		c.untag(s, v.tags)
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
