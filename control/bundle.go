package control

import "slices"

// bundle is what a catalogue knows of one.
type bundle struct {
	sequence    uint64
	hasManifest bool
	// complete says that the bytes are here, evicted that they were, and are not any more.
	complete, evicted bool
	// retiredBy is the first entry that retires it; 0: none known.
	retiredBy uint64
	// slots are those of its objects; some may no longer have its version. live counts those
	// that do.
	slots []*slot
	live  int
}

// bundle returns the bundle of a sequence, made if need be.
func (c *Catalogue) bundle(sequence uint64) *bundle {
	b := c.bundles[sequence]
	if b == nil {
		b = &bundle{sequence: sequence}
		c.bundles[sequence] = b
	}
	return b
}

// attach makes the objects of a bundle known, but for those that nobody has any more. What it keeps
// of an object is a copy, so that one row does not hold the memory of a whole manifest.
func (c *Catalogue) attach(b *bundle, objects []Object, dead ObjectSet) {
	b.hasManifest = true
	b.slots = make([]*slot, 0, len(objects))
	var known fieldTable
	for i := range objects {
		if o := &objects[i]; !dead.Has(uint32(i)) {
			c.spare.expected = len(objects) - i
			c.insert(b, uint32(i), o, known.of(o))
		}
	}
}

// fieldTable finds again the fields of objects that share them, as those of a manifest do that was
// decoded.
type fieldTable struct {
	fields [8]*fields // those found last
	next   int
}

func (t *fieldTable) of(o *Object) *fields {
	for _, f := range t.fields {
		if f != nil && sameSlice(f.headers, o.Headers) && sameSlice(f.tags, o.Tags) {
			return f
		}
	}
	f := &fields{headers: o.Headers, tags: o.Tags}
	f.hash = f.mix()
	t.fields[t.next] = f
	t.next = (t.next + 1) % len(t.fields)
	return f
}

// detach takes back attach: the entry turned out not to belong here.
func (c *Catalogue) detach(b *bundle) {
	for _, s := range b.slots {
		if i, found := s.index(b.sequence); found {
			c.untag(s, s.versions[i].tags)
			s.versions = slices.Delete(s.versions, i, i+1)
			c.stats.Versions--
			c.forget(s)
		}
	}
	b.slots, b.live, b.hasManifest = nil, 0, false
}

// release lets a bundle go to which nothing points.
func (c *Catalogue) release(b *bundle) {
	delete(c.bundles, b.sequence)
	c.changes.Released = append(c.changes.Released, b.sequence)
}

// LiveObjects returns how many versions that are served, or may yet be, point to a bundle; 0
// while its manifest is not known.
func (c *Catalogue) LiveObjects(sequence uint64) int {
	if b := c.bundles[sequence]; b != nil {
		return b.live
	}
	return 0
}

// Needed reports whether the bytes of a bundle should be here: it holds the newest version of a
// key that is live, or it is above the mark and its objects are not known yet; but not if
// it is retired, or killed by a purge of all. A bundle that is not needed may still have
// LiveObjects, older versions on their way: worth finishing if it costs nothing.
func (c *Catalogue) Needed(sequence uint64) bool {
	b := c.bundles[sequence]
	switch {
	case b == nil:
		return sequence > c.mark && c.overlay[sequence] == nil && c.floors.all < sequence
	case b.retiredBy != 0 || c.floors.all > sequence:
		return false
	case !b.hasManifest:
		return true
	}
	for _, s := range b.slots {
		if len(s.versions) == 0 {
			continue
		}
		if v := s.newest(); v.bundle == b && c.floors.of(s.key, v.tags) < sequence {
			return true
		}
	}
	return false
}

// Wanted returns up to n sequences, ascending, of bundles that are announced, needed and
// incomplete, but not evicted: who evicts decides whether to fetch again.
func (c *Catalogue) Wanted(n int) []uint64 {
	var wanted []uint64
	for sequence, b := range c.bundles {
		if b.complete || b.evicted || sequence > c.mark && c.overlay[sequence] == nil {
			continue
		}
		if c.Needed(sequence) {
			wanted = append(wanted, sequence)
		}
	}
	return lowest(wanted, n)
}

// MissingManifests returns up to n sequences, ascending, of bundles whose manifest folding waits for.
func (c *Catalogue) MissingManifests(n int) []uint64 {
	var missing []uint64
	for sequence, p := range c.overlay {
		if p.entry.Kind != KindPublish {
			continue
		}
		if b := c.bundles[sequence]; !b.hasManifest && b.retiredBy == 0 {
			missing = append(missing, sequence)
		}
	}
	return lowest(missing, n)
}

// Missing returns up to n sequences of entries, ascending, that are not here, of those up to upTo.
func (c *Catalogue) Missing(upTo uint64, n int) []uint64 {
	var missing []uint64
	for s := c.mark + 1; s <= upTo && len(missing) < n; s++ {
		if c.overlay[s] == nil {
			missing = append(missing, s)
		}
	}
	return missing
}

// lowest sorts sequences and returns the first n.
func lowest(sequences []uint64, n int) []uint64 {
	slices.Sort(sequences)
	return sequences[:min(n, len(sequences))]
}
