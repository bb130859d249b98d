package control

// model answers by the definitions alone, from all entries it was ever given.
type model struct {
	log       *testLog
	delivered map[uint64]bool
	manifests map[uint64]bool
	complete  map[uint64]bool
	evicted   map[uint64]bool // of those complete
}

func newModel(log *testLog) *model {
	return &model{log, map[uint64]bool{}, map[uint64]bool{}, map[uint64]bool{}, map[uint64]bool{}}
}

func (m *model) object(sequence uint64, key Key) *Object {
	if !m.delivered[sequence] || m.log.entries[sequence-1].Kind != KindPublish || !m.manifests[sequence] {
		return nil
	}
	objects := m.log.manifests[sequence].Objects
	for i := range objects {
		if objects[i].Key == key {
			return &objects[i]
		}
	}
	return nil
}

// killed reports whether an entry kills key in a version.
func killedBy(e *Entry, key Key, o *Object, version uint64) bool {
	if e.Sequence <= version {
		return false
	}
	for _, s := range e.Purge {
		if s.Matches(key, o.Tags) {
			return true
		}
	}
	for _, k := range e.Remove {
		if (Selector{Kind: SelectKey, Key: k}).Matches(key, nil) {
			return true
		}
	}
	return false
}

func (m *model) dead(key Key, version uint64) bool {
	for _, e := range m.log.entries {
		if m.delivered[e.Sequence] && killedBy(e, key, m.object(version, key), version) {
			return true
		}
	}
	return false
}

// lookup returns the version served, and the answer, Removed counting as Absent.
func (m *model) lookup(key Key) (uint64, Answer) {
	newest := true
	for s := uint64(len(m.log.entries)); s > 0; s-- {
		if m.object(s, key) == nil {
			continue
		}
		if m.dead(key, s) {
			if newest {
				return 0, Absent
			}
			return 0, Incomplete
		}
		newest = false
		if m.evicted[s] {
			return 0, Incomplete
		}
		if m.complete[s] {
			return s, Found
		}
	}
	if newest {
		return 0, Absent
	}
	return 0, Incomplete
}

// rows are those of the log at a mark, all manifests known.
func (l *testLog) rows(mark uint64) map[Key]uint64 {
	rows := make(map[Key]uint64)
	objects := make(map[Key]*Object)
	for _, e := range l.entries[:mark] {
		if m := l.manifests[e.Sequence]; m != nil {
			for i := range m.Objects {
				rows[m.Objects[i].Key] = e.Sequence
				objects[m.Objects[i].Key] = &m.Objects[i]
			}
		}
		for key, version := range rows {
			if killedBy(e, key, objects[key], version) {
				delete(rows, key)
			}
		}
	}
	return rows
}

// stored is what a store has of a bundle.
type stored struct {
	rows          []byte
	deleted       ObjectSet
	objects, gone int
}

// store returns what a store takes from a manifest.
func (e *edge) store(s uint64) *stored {
	encoded, err := e.log.manifests[s].Encode()
	if err != nil {
		e.t.Fatalf("Encode: %v", err)
	}
	m, err := DecodeManifest(encoded, e.log.entries[s-1].Publish)
	if err != nil {
		e.t.Fatalf("DecodeManifest: %v", err)
	}
	return &stored{rows: m.AppendRows(nil, encoded), objects: len(m.Objects)}
}
