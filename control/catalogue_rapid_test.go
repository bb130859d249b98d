package control

import (
	"maps"
	"testing"

	"pgregory.net/rapid"
)

var (
	modelHosts = []string{"", "a", "b"}
	modelPaths = []string{"/x", "/x/y", "/z"}
	modelTags  = []string{"t", "u"}
)

func modelKeys() (keys []Key) {
	for _, h := range modelHosts {
		for _, p := range modelPaths {
			keys = append(keys, Key{h, p})
		}
	}
	return keys
}

func drawSelector(t *rapid.T) Selector {
	switch rapid.IntRange(0, 9).Draw(t, "selector") {
	case 0:
		return Selector{Kind: SelectAll}
	case 1, 2, 3:
		return Selector{Kind: SelectTag, Tag: rapid.SampledFrom(modelTags).Draw(t, "tag")}
	case 4, 5, 6:
		return Selector{Kind: SelectPrefix, Key: rapid.SampledFrom(modelKeys()).Draw(t, "prefix")}
	}
	return Selector{Kind: SelectKey, Key: rapid.SampledFrom(modelKeys()).Draw(t, "key")}
}

// drawLog makes a history as an honest origin writes it, with an origin's catalogue at its side.
func drawLog(t *rapid.T) (*testLog, []Hash) {
	log := &testLog{manifests: map[uint64]*Manifest{}}
	origin := New(Config{Generation: testGeneration})
	digests := []Hash{{}} // by mark
	take := func(e *Entry) {
		if _, err := origin.Apply(e, log.hashes[e.Sequence-1]); err != nil {
			t.Fatalf("Apply: %v", err)
		}
		if m := log.manifests[e.Sequence]; m != nil {
			if err := origin.AddManifest(e.Sequence, m); err != nil {
				t.Fatalf("AddManifest: %v", err)
			}
			origin.Complete(e.Sequence)
		}
		if changes, err := origin.Fold(); err != nil || changes.Mark != e.Sequence {
			t.Fatalf("Fold: mark %d, %v", changes.Mark, err)
		}
		digests = append(digests, origin.Digest())
	}
	retired := make(map[uint64]bool)
	for range rapid.IntRange(1, 14).Draw(t, "entries") {
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0, 1:
			n := rapid.IntRange(1, 2).Draw(t, "selectors")
			var selectors []Selector
			for range n {
				selectors = append(selectors, drawSelector(t))
			}
			take(log.purge(selectors...))
		case 2:
			take(log.add(&Entry{Kind: KindRemove, Remove: []Key{rapid.SampledFrom(modelKeys()).Draw(t, "remove")}}))
		case 3, 4:
			for s := range uint64(len(log.entries)) {
				m := log.manifests[s+1]
				if m == nil || retired[s+1] {
					continue
				}
				keys, ok := origin.Retirable(s+1, m)
				if !ok {
					continue
				}
				if len(keys) > 0 {
					var selectors []Selector
					for _, k := range keys {
						selectors = append(selectors, Selector{Kind: SelectKey, Key: k})
					}
					take(log.purge(selectors...))
				}
				retired[s+1] = true
				take(log.add(&Entry{Kind: KindRetire, Retire: []uint64{s + 1}}))
				break
			}
		default:
			keys := rapid.SliceOfNDistinct(rapid.SampledFrom(modelKeys()), 1, 3, rapid.ID).Draw(t, "keys")
			var objects []Object
			for _, k := range keys {
				tags := rapid.SliceOfNDistinct(rapid.SampledFrom(modelTags), 0, 2, rapid.ID).Draw(t, "tags")
				objects = append(objects, Object{Key: k, Length: 10, Tags: tags})
			}
			take(log.publish(t, rapid.Bool().Draw(t, "inline"), objects...))
		}
	}
	return log, digests
}

// edge is a catalogue with a store beside it, as an edge keeps them.
type edge struct {
	t        *rapid.T
	log      *testLog
	model    *model
	digests  []Hash
	c        *Catalogue
	stored   map[uint64]*stored
	mark     uint64
	hash     Hash
	released map[uint64]bool
}

func (e *edge) deliver(s uint64) {
	mark, _ := e.c.Mark()
	isNew, err := e.c.Apply(e.log.entries[s-1], e.log.hashes[s-1])
	if err != nil {
		e.t.Fatalf("Apply %d: %v", s, err)
	}
	if want := s > mark && !e.model.delivered[s]; isNew != want {
		e.t.Fatalf("Apply %d: isNew %v, want %v", s, isNew, want)
	}
	e.model.delivered[s] = true
	if p := e.log.entries[s-1].Publish; p != nil && p.Manifest != nil {
		e.model.manifests[s] = true
	}
}

func (e *edge) manifest(s uint64) {
	m := e.log.manifests[s]
	mark, _ := e.c.Mark()
	if m == nil || s > mark && !e.model.delivered[s] {
		if err := e.c.AddManifest(s, &Manifest{}); s > mark && err == nil {
			e.t.Fatalf("AddManifest %d without entry: no error", s)
		}
		return
	}
	if err := e.c.AddManifest(s, m); err != nil {
		e.t.Fatalf("AddManifest %d: %v", s, err)
	}
	if s > mark {
		e.model.manifests[s] = true
	}
}

func (e *edge) complete(s uint64) {
	if e.log.manifests[s] != nil {
		e.c.Complete(s)
		e.model.complete[s], e.model.evicted[s] = true, false
	}
}

func (e *edge) evict(s uint64) {
	if e.model.complete[s] {
		e.c.Evicted(s)
		e.model.evicted[s] = true
	}
}

func (e *edge) fold() {
	changes, err := e.c.Fold()
	if err != nil {
		e.t.Fatalf("Fold: %v", err)
	}
	for _, s := range changes.Folded {
		if e.model.manifests[s] {
			e.stored[s] = e.store(s)
		}
	}
	for _, id := range changes.Delete {
		s := e.stored[id.Version]
		if s == nil || int(id.Object) >= s.objects || s.deleted.Has(id.Object) {
			e.t.Fatalf("delete of %v, which is not stored", id)
		}
		s.deleted.Add(id.Object)
		s.gone++
	}
	if uint64(len(changes.Folded)) != changes.Mark-e.mark {
		e.t.Fatalf("%d folded from %d to %d", len(changes.Folded), e.mark, changes.Mark)
	}
	e.mark, e.hash = changes.Mark, changes.Hash
	for _, s := range changes.Released {
		e.released[s] = true
		delete(e.stored, s)
	}
}

// restart begins anew from the store: rows, entries above the mark, complete bundles not released.
func (e *edge) restart() {
	e.c = New(Config{Generation: testGeneration})
	e.c.Restore(e.mark, e.hash, func(yield func(Stored) bool) {
		for sequence, s := range e.stored {
			objects, err := DecodeRows(s.rows)
			if err != nil {
				e.t.Fatalf("DecodeRows: %v", err)
			}
			if !yield(Stored{sequence, objects, s.deleted}) {
				return
			}
		}
	}, func(yield func(uint64) bool) {
		for s := range e.model.complete {
			if !e.released[s] && !yield(s) {
				return
			}
		}
	})
	for s := range e.model.complete {
		if e.model.evicted[s] && !e.released[s] {
			e.c.Evicted(s)
		}
	}
	for s := range e.model.delivered {
		if s <= e.mark {
			continue
		}
		if _, err := e.c.Apply(e.log.entries[s-1], e.log.hashes[s-1]); err != nil {
			e.t.Fatalf("Apply %d again: %v", s, err)
		}
		if e.model.manifests[s] {
			if err := e.c.AddManifest(s, e.log.manifests[s]); err != nil {
				e.t.Fatalf("AddManifest %d again: %v", s, err)
			}
		}
	}
}

// check compares answers with the model, and rows and digest with the log.
func (e *edge) check() {
	for _, key := range modelKeys() {
		want, wantAnswer := e.model.lookup(key)
		row, answer := e.c.Lookup(key)
		got := answer
		if got == Removed {
			got = Absent
		}
		if got != wantAnswer || answer == Found && row.Version != want {
			e.t.Fatalf("%v: %v version %d, want %v version %d", key, answer, row.Version, wantAnswer, want)
		}
		if answer == Found && e.c.LiveObjects(row.Version) == 0 {
			e.t.Fatalf("%v is served from bundle %d, which has no live object", key, row.Version)
		}
		if answer == Found && e.released[row.Version] {
			e.t.Fatalf("%v is served from bundle %d, which was released", key, row.Version)
		}
	}
	mark, _ := e.c.Mark()
	rows := make(map[Key]uint64)
	for row := range e.c.Rows() {
		rows[row.Key] = row.Version
	}
	if want := e.log.rows(mark); !maps.Equal(rows, want) {
		e.t.Fatalf("rows at mark %d: %v, want %v", mark, rows, want)
	}
	if e.c.Digest() != e.digests[mark] {
		e.t.Fatalf("digest at mark %d differs from the origin's", mark)
	}
	if e.c.Stats().Keys != len(rows) {
		e.t.Fatalf("%d keys counted, %d rows", e.c.Stats().Keys, len(rows))
	}
}

// TestAnyOrder: entries, manifests and bytes in any order, any number of times, folds and
// restarts at any moment, never give another answer than the definitions do.
func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log, digests := drawLog(t)
		n := uint64(len(log.entries))
		if n == 0 {
			return
		}
		e := &edge{
			t: t, log: log, model: newModel(log), digests: digests, c: New(Config{Generation: testGeneration}),
			stored: map[uint64]*stored{}, released: map[uint64]bool{},
		}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			s := rapid.Uint64Range(1, n).Draw(t, "sequence")
			switch rapid.IntRange(0, 10).Draw(t, "step") {
			case 0, 1, 2, 3:
				e.deliver(s)
			case 4, 5:
				e.manifest(s)
			case 6, 7:
				e.complete(s)
			case 8:
				e.fold()
			case 9:
				e.restart()
			case 10:
				e.evict(s)
			}
			e.check()
		}
		order := rapid.Permutation(log.entries).Draw(t, "rest")
		withManifests := rapid.Bool().Draw(t, "retired manifests too")
		for _, entry := range order {
			e.deliver(entry.Sequence)
			e.check()
		}
		retired := make(map[uint64]bool)
		for _, entry := range log.entries {
			for _, s := range entry.Retire {
				retired[s] = true
			}
		}
		for _, entry := range order {
			if withManifests || !retired[entry.Sequence] {
				e.manifest(entry.Sequence)
			}
			e.check()
		}
		e.fold()
		e.check()
		e.finish(n)
	})
}

// finish checks the end: everything folded, what is wanted makes every key served, and each bundle is
// either of use or released.
func (e *edge) finish(n uint64) {
	if mark, hash := e.c.Mark(); mark != n || hash != e.log.hashes[n-1] {
		e.t.Fatalf("the end: mark %d of %d; missing %v", mark, n, e.c.Missing(n, 10))
	}
	if m := e.c.Missing(n, 10); len(m) > 0 || len(e.c.MissingManifests(10)) > 0 {
		e.t.Fatalf("the end: %v missing", m)
	}
	if f := &e.c.floors; f.all != 0 || len(f.keys)+len(f.paths)+len(f.prefixes)+len(f.tags) > 0 {
		e.t.Fatalf("the end: floors %+v", f)
	}
	for _, s := range e.c.Wanted(1000) {
		e.complete(s)
	}
	for s, evicted := range maps.Clone(e.model.evicted) {
		if evicted {
			e.complete(s)
		}
	}
	e.fold()
	e.check()
	for _, row := range e.c.List(Key{}, Key{}, 1000) {
		if _, answer := e.c.Lookup(row.Key); answer != Found {
			e.t.Fatalf("the end: %v is %v", row.Key, answer)
		}
	}
	for s := uint64(1); s <= n; s++ {
		if e.log.manifests[s] == nil {
			continue
		}
		if live := e.c.LiveObjects(s) > 0; live == e.released[s] {
			e.t.Fatalf("the end: bundle %d live %v, released %v", s, live, e.released[s])
		}
		if live := e.c.LiveObjects(s) > 0; e.c.Complete(s) != live {
			e.t.Fatalf("the end: bundle %d live %v, but Complete thinks otherwise", s, live)
		}
		e.deliver(s) // long after it was folded
		e.complete(s)
		e.manifest(s)
	}
	e.check()
	if live := e.c.Wanted(1000); len(e.c.bundles) > e.c.Stats().Versions || len(live) > 0 {
		e.t.Fatalf("the end: %d bundles for %d versions, %v wanted", len(e.c.bundles), e.c.Stats().Versions, live)
	}
	tagged := 0
	for _, slots := range e.c.tagged {
		tagged += len(slots)
	}
	for row := range e.c.Rows() {
		tagged -= len(row.Tags)
	}
	if tagged != 0 {
		e.t.Fatalf("the end: %d tags too many", tagged)
	}
	e.restart()
	e.check()
	rows := 0
	for _, s := range e.stored {
		rows += s.objects - s.gone
	}
	if rows != e.c.Stats().Versions || e.c.Stats().Versions != e.c.Stats().Keys {
		e.t.Fatalf("the end: %d rows stored, %+v", rows, e.c.Stats())
	}
}
