package control

import "slices"

// floors is what the purges of the overlay kill: for each selector the highest sequence below
// which versions are dead. Those at or below the mark are gone; what they killed is gone too.
type floors struct {
	all      uint64
	tags     map[string]uint64
	keys     map[Key]keyFloor
	paths    map[string]keyFloor // of keys with any host or none: for rows without host
	prefixes []prefixFloor
}

// keyFloor is the floor of a key, and how much of it is due to removals.
type keyFloor struct{ floor, removed uint64 }

type prefixFloor struct {
	selector Selector
	floor    uint64
}

func newFloors() floors {
	return floors{tags: make(map[string]uint64), keys: make(map[Key]keyFloor), paths: make(map[string]keyFloor)}
}

// raise puts an entry into force.
func (f *floors) raise(e *Entry) {
	for _, s := range e.Purge {
		switch s.Kind {
		case SelectAll:
			f.all = max(f.all, e.Sequence)
		case SelectTag:
			f.tags[s.Tag] = max(f.tags[s.Tag], e.Sequence)
		case SelectKey:
			f.raiseKey(s.Key, e.Sequence, 0)
		case SelectPrefix:
			i := slices.IndexFunc(f.prefixes, func(p prefixFloor) bool { return p.selector == s })
			if i < 0 {
				f.prefixes = append(f.prefixes, prefixFloor{s, e.Sequence})
			} else {
				f.prefixes[i].floor = max(f.prefixes[i].floor, e.Sequence)
			}
		}
	}
	for _, k := range e.Remove {
		f.raiseKey(k, e.Sequence, e.Sequence)
	}
}

func (f *floors) raiseKey(k Key, floor, removed uint64) {
	f.keys[k] = f.keys[k].max(keyFloor{floor, removed})
	f.paths[k.Path] = f.paths[k.Path].max(keyFloor{floor, removed})
}

func (k keyFloor) max(o keyFloor) keyFloor {
	return keyFloor{max(k.floor, o.floor), max(k.removed, o.removed)}
}

// lower drops what an entry raised, now that it is folded. A floor that a later entry raised
// further stays.
func (f *floors) lower(e *Entry) {
	for _, s := range e.Purge {
		switch s.Kind {
		case SelectAll:
			if f.all <= e.Sequence {
				f.all = 0
			}
		case SelectTag:
			if f.tags[s.Tag] <= e.Sequence {
				delete(f.tags, s.Tag)
			}
		case SelectKey:
			f.lowerKey(s.Key, e.Sequence)
		case SelectPrefix:
			f.prefixes = slices.DeleteFunc(f.prefixes, func(p prefixFloor) bool {
				return p.selector == s && p.floor <= e.Sequence
			})
		}
	}
	for _, k := range e.Remove {
		f.lowerKey(k, e.Sequence)
	}
}

func (f *floors) lowerKey(k Key, sequence uint64) {
	if f.keys[k].floor <= sequence {
		delete(f.keys, k)
	}
	if f.paths[k.Path].floor <= sequence {
		delete(f.paths, k.Path)
	}
}

// ofKey returns the floor that selectors of keys put under a key.
func (f *floors) ofKey(key Key) keyFloor {
	if len(f.keys) == 0 {
		return keyFloor{}
	}
	if key.Host == "" {
		return f.paths[key.Path]
	}
	return f.keys[key].max(f.keys[Key{Path: key.Path}])
}

// of returns the highest floor that matches a key with tags: versions below it are dead.
func (f *floors) of(key Key, tags []string) uint64 {
	floor := max(f.all, f.ofKey(key).floor)
	for i := range f.prefixes {
		if p := &f.prefixes[i]; p.floor > floor && p.selector.Matches(key, nil) {
			floor = p.floor
		}
	}
	if len(f.tags) > 0 {
		for _, t := range tags {
			floor = max(floor, f.tags[t])
		}
	}
	return floor
}
