package control

import (
	"slices"
	"strings"
)

// Answer says what a catalogue knows of a key.
type Answer uint8

// The answers.
const (
	// Absent: the key is not live. Answer 404.
	Absent Answer = iota
	// Removed: absent, by a remove entry that is not folded yet.
	Removed
	// Incomplete: the key is live, but no version of it that may be served has its bytes here.
	Incomplete
	// Found: the row may be served.
	Found
)

// String returns the word for the answer, as in "found".
func (a Answer) String() string { return [...]string{"absent", "removed", "incomplete", "found"}[a&3] }

// Lookup answers for one key. With Found the row is to be served; with Incomplete it is the newest
// version, for information. What the row points to is shared and must not be changed.
func (c *Catalogue) Lookup(key Key) (Row, Answer) {
	newest, served, answer := c.find(key)
	switch {
	case served != nil:
		return served.row(key), answer
	case newest != nil:
		return newest.row(key), answer
	}
	return Row{}, answer
}

// LookupRequest answers for a key from RequestKey: by the key itself, or, if that is not live,
// by what was published under its path for every host.
func (c *Catalogue) LookupRequest(key Key) (Row, Answer) {
	row, answer := c.Lookup(key)
	if answer >= Incomplete || key.Host == "" {
		return row, answer
	}
	if row, other := c.Lookup(Key{Path: key.Path}); other != Absent {
		return row, other
	}
	return Row{}, answer
}

// find returns the newest version of a key that is live, and the one to serve, if there are any.
//
// A key is live if its newest version is above all floors that match it. If so, the newest
// complete version is served, unless a floor matches it or a newer one: what a purge kills
// takes all older versions of the key with it.
func (c *Catalogue) find(key Key) (newest, served *version, answer Answer) {
	s := c.slots[key]
	if s == nil || c.dead(s, s.newest()) {
		floor := c.floors.ofKey(key)
		if floor.removed > 0 && (s == nil || floor.removed > s.newest().sequence()) {
			return nil, nil, Removed
		}
		return nil, nil, Absent
	}
	newest = s.newest()
	for i := len(s.versions) - 1; i >= 0; i-- {
		v := &s.versions[i]
		if c.dead(s, v) {
			break
		}
		if v.bundle.complete {
			return newest, v, Found
		}
		if v.bundle.evicted {
			break // it was served before: do not go back in time
		}
	}
	return newest, nil, Incomplete
}

// dead reports whether a floor of the overlay kills a version.
func (c *Catalogue) dead(s *slot, v *version) bool {
	return c.floors.of(s.key, v.tags) > v.sequence()
}

// List returns up to limit live keys in order, those above after whose host is that of prefix
// (any, if it has none) and whose path begins with prefix's; zero keys are no bounds. Each has its
// newest version, served or not. It looks at every key.
func (c *Catalogue) List(prefix, after Key, limit int) []Row {
	if limit <= 0 {
		return nil
	}
	var found []*slot
	order := func(a, b *slot) int { return a.key.Compare(b.key) }
	var last *Key // of the first limit keys that were found; those above it need not be sorted
	for key, s := range c.slots {
		if prefix.Host != "" && prefix.Host != key.Host || !strings.HasPrefix(key.Path, prefix.Path) {
			continue
		}
		if after != (Key{}) && key.Compare(after) <= 0 || last != nil && key.Compare(*last) > 0 || c.dead(s, s.newest()) {
			continue
		}
		if found = append(found, s); len(found)/2 > limit {
			slices.SortFunc(found, order)
			found = found[:limit]
			last = &found[limit-1].key
		}
	}
	slices.SortFunc(found, order)
	rows := make([]Row, 0, min(limit, len(found)))
	for _, s := range found[:cap(rows)] {
		rows = append(rows, s.newest().row(s.key))
	}
	return rows
}
