package origin

import (
	"fmt"

	"fanfare/control"
)

// purged is what purges and removals of a part of the log name otherwise than by tag, with the
// newest sequence that does.
type purged struct {
	all      uint64
	keys     map[control.Key]uint64
	paths    map[string]uint64 // of keys of any host
	prefixes []prefixPurge
}

type prefixPurge struct {
	selector control.Selector
	sequence uint64
}

// purgedSince reads the log from a sequence on.
func (o *Origin) purgedSince(from uint64) (*purged, error) {
	p := &purged{keys: make(map[control.Key]uint64), paths: make(map[string]uint64)}
	err := o.entries.entries(from, func(sequence uint64, raw []byte) (bool, error) {
		entry, err := control.Reopen(raw)
		if err != nil {
			return false, fmt.Errorf("origin: entry %d of the log: %w", sequence, err)
		}
		for _, s := range entry.Purge {
			p.add(s, sequence)
		}
		for _, key := range entry.Remove {
			p.add(control.Selector{Kind: control.SelectKey, Key: key}, sequence)
		}
		return true, nil
	})
	return p, err
}

// add notes one selector; sequences come in order.
func (p *purged) add(s control.Selector, sequence uint64) {
	switch s.Kind {
	case control.SelectKey:
		p.keys[s.Key] = sequence
		p.paths[s.Key.Path] = sequence
	case control.SelectPrefix:
		p.prefixes = append(p.prefixes, prefixPurge{s, sequence})
	case control.SelectAll:
		p.all = sequence
	}
}

// covers reports whether a key was named after a sequence. It knows the rule of Selector.Matches
// about hosts.
func (p *purged) covers(key control.Key, sequence uint64) bool {
	if p.all > sequence || p.keys[key] > sequence {
		return true
	}
	if key.Host == "" && p.paths[key.Path] > sequence {
		return true
	}
	if p.keys[control.Key{Path: key.Path}] > sequence {
		return true
	}
	for _, x := range p.prefixes {
		if x.sequence > sequence && x.selector.Matches(key, nil) {
			return true
		}
	}
	return false
}

// uncovered returns those of keys that were not named after a sequence.
func (p *purged) uncovered(keys []control.Key, sequence uint64) []control.Key {
	var left []control.Key
	for _, key := range keys {
		if !p.covers(key, sequence) {
			left = append(left, key)
		}
	}
	return left
}

// hurts reports whether a purge of these keys by name would kill a live row: one of the same
// path, published for every host where the key is for one, or the other way round.
func hurts(keys []control.Key, catalogue *control.Catalogue) bool {
	if len(keys) == 0 {
		return false
	}
	byPath := make(map[string][]control.Key, len(keys))
	for _, key := range keys {
		byPath[key.Path] = append(byPath[key.Path], key)
	}
	for row := range catalogue.Rows() {
		for _, key := range byPath[row.Key.Path] {
			s := control.Selector{Kind: control.SelectKey, Key: key}
			if s.Matches(row.Key, nil) {
				return true
			}
		}
	}
	return false
}

// selectorsOf returns key selectors of keys.
func selectorsOf(keys []control.Key) []control.Selector {
	selectors := make([]control.Selector, len(keys))
	for i, key := range keys {
		selectors[i] = control.Selector{Kind: control.SelectKey, Key: key}
	}
	return selectors
}
