package sim

import (
	"maps"
	"time"

	"fanfare/control"
	"fanfare/internal/mono"
)

// book is an edge's catalogue, and the store beside it, which survives a restart.
type book struct {
	catalogue *control.Catalogue
	// deleted, complete, mark and hash are what a store has on disk; so are the entries above the
	// mark, which edge.announced names. deleted has the bundles with rows, and those objects of them
	// that are rows no more.
	deleted  map[uint64]control.ObjectSet
	complete map[uint64]bool
	mark     uint64
	hash     control.Hash
	// catching says that entries are on their way by unicast.
	catching bool
}

const (
	// catchUpGap is how many entries an edge asks for by NACK; more come by unicast.
	catchUpGap = 64
	// catchUpRetry is how long after a failed attempt the next one is made.
	catchUpRetry = 200 * time.Millisecond
	// dropped stands in published.done for a bundle that an edge has no need of any more.
	dropped mono.Time = -1
)

// book returns the book of an edge, made if need be.
func (s *Simulation) book(i int) *book {
	e := &s.edges[i]
	if e.book == nil {
		e.book = &book{catalogue: newCatalogue(), deleted: map[uint64]control.ObjectSet{}, complete: map[uint64]bool{}}
	}
	return e.book
}

// reopen makes the catalogue of an edge anew from its store.
func (s *Simulation) reopen(i int) {
	b := s.edges[i].book
	if b == nil {
		return
	}
	b.catalogue, b.catching = newCatalogue(), false
	rows := func(yield func(control.Stored) bool) {
		for sequence, deleted := range b.deleted {
			objects := s.objects[sequence-1].statement.manifest.Objects
			if !yield(control.Stored{Sequence: sequence, Objects: objects, Deleted: deleted}) {
				return
			}
		}
	}
	b.catalogue.Restore(b.mark, b.hash, rows, maps.Keys(b.complete))
	for n := b.mark; n < uint64(len(s.objects)); n++ {
		if s.edges[i].has(s.edges[i].announced, int(n)) {
			s.enter(i, s.objects[n])
		}
	}
	s.fold(i)
}

// enter applies an entry, and its manifest if that is here.
func (s *Simulation) enter(i int, o *published) {
	_, err := s.book(i).catalogue.Apply(o.statement.entry, o.statement.hash)
	s.fail(err)
	s.manifest(i, o)
}

// learn takes entries that have reached an edge.
func (s *Simulation) learn(i int, objects []*published) {
	e := &s.edges[i]
	var fresh []*published
	for _, o := range objects {
		if !e.has(e.announced, int(o.sequence)-1) {
			e.announced = set(e.announced, int(o.sequence)-1)
			s.trace.add(uint64(s.now), uint64(i), uint64(o.control))
			s.enter(i, o)
			s.arrive(i, o, true)
			fresh = append(fresh, o)
		}
	}
	s.fold(i)
	for _, o := range fresh {
		switch {
		case o.bare:
			s.finish(i, o)
			s.giveUp(i, o.statement.dead)
		case e.book.complete[o.sequence]:
			s.finish(i, o)
		default:
			s.expect(i, o)
		}
	}
	for _, o := range fresh {
		for _, key := range o.statement.killed {
			s.judgeKey(i, key)
		}
	}
}

// giveUp drops those of some bundles of which nothing is needed any more.
func (s *Simulation) giveUp(i int, sequences []uint64) {
	e := &s.edges[i]
	for _, sequence := range sequences {
		c := e.book.catalogue
		if e.has(e.announced, int(sequence)-1) && !c.Needed(sequence) && c.LiveObjects(sequence) == 0 {
			s.drop(i, s.objects[sequence-1])
		}
	}
}

// manifest hands the manifest to the catalogue when its blocks are there. One in the entry is
// there with it.
func (s *Simulation) manifest(i int, o *published) {
	e := &s.edges[i]
	if o.statement == nil || o.statement.layout.ManifestBlocks == 0 || !e.has(e.announced, int(o.sequence)-1) {
		return
	}
	if o.have[i].prefix() >= o.statement.layout.ManifestBlocks {
		s.fail(e.book.catalogue.AddManifest(o.sequence, o.statement.manifest))
	}
}

// gained takes a source block of a bundle.
func (s *Simulation) gained(i int, o *published, sbn uint32) {
	if o.statement != nil && sbn < o.statement.layout.ManifestBlocks {
		s.manifest(i, o)
		s.fold(i)
	}
}

// stored takes a bundle that is whole; it returns false if that must wait for the entry.
func (s *Simulation) stored(i int, o *published) bool {
	e, b := &s.edges[i], s.book(i)
	if b.catalogue.Complete(o.sequence) {
		b.complete[o.sequence] = true
	}
	s.fold(i)
	for n := range o.statement.manifest.Objects {
		s.judgeKey(i, o.statement.manifest.Objects[n].Key)
	}
	return e.has(e.announced, int(o.sequence)-1)
}

// fold moves the mark of an edge, follows with the store, and compares the digest.
func (s *Simulation) fold(i int) {
	b := s.book(i)
	changes, err := b.catalogue.Fold()
	s.fail(err)
	for _, sequence := range changes.Folded {
		if o := s.objects[sequence-1]; o.statement.manifest != nil {
			b.deleted[sequence] = nil
		}
	}
	for _, id := range changes.Delete {
		deleted := b.deleted[id.Version]
		deleted.Add(id.Object)
		b.deleted[id.Version] = deleted
	}
	for _, sequence := range changes.Released {
		delete(b.deleted, sequence)
		delete(b.complete, sequence)
	}
	moved := changes.Mark != b.mark
	b.mark, b.hash = changes.Mark, changes.Hash
	if moved && b.catalogue.Digest() != s.log.digests[b.mark-1] {
		s.verdict.DigestsDiffer++
	}
}

// drop gives up a bundle that an edge has no need of.
func (s *Simulation) drop(i int, o *published) {
	if o.done[i] != mono.Never {
		return
	}
	o.done[i] = dropped
	s.edges[i].served++
	s.missing--
	s.trace.add(uint64(s.now), uint64(i), uint64(o.toi)|1<<32)
	s.edges[i].engine.Forget(s.now, o.toi)
}

// judgeKey counts an answer that serves what an entry which the edge has purges: the version
// itself, or a newer one that the edge knows.
func (s *Simulation) judgeKey(i int, key control.Key) {
	row, answer := s.book(i).catalogue.Lookup(key)
	if answer != control.Found {
		return
	}
	for _, e := range s.log.keys[key] {
		if e.version >= row.Version && e.killer > 0 && s.objects[e.killer-1].done[i] != mono.Never && s.knows(i, e.version) {
			s.verdict.PurgedServed++
			return
		}
	}
}

// knows reports whether an edge knows which objects a bundle has.
func (s *Simulation) knows(i int, sequence uint64) bool {
	e, o := &s.edges[i], s.objects[sequence-1]
	return e.book.mark >= sequence || e.has(e.announced, int(sequence)-1) && o.have[i].prefix() >= o.statement.layout.ManifestBlocks
}

// catchUp has an edge fetch all entries up to a head by unicast. It is modelled by what it costs: a
// round trip, and another attempt if one of the links or the origin is down then.
func (s *Simulation) catchUp(i int) {
	b := s.book(i)
	if b.catching {
		return
	}
	b.catching = true
	s.schedule.add(s.now.Add(s.edges[i].down.Delay()+s.edges[i].up.Delay()), catchUpEnds, i, s.edges[i].starts)
}

// caughtUp ends an attempt.
func (s *Simulation) caughtUp(i, starts int) {
	e := &s.edges[i]
	if e.engine == nil || e.starts != starts {
		return
	}
	if e.up.Lose(s.now) || e.down.Lose(s.now) || s.origin.engine == nil || s.now < e.paused {
		s.schedule.add(s.now.Add(catchUpRetry), catchUpEnds, i, starts)
		return
	}
	e.book.catching = false
	for _, o := range s.objects {
		e.engine.Forget(s.now, o.control)
	}
	s.learn(i, s.objects)
	s.verdict.CatchUps++
	s.pumpEdge(i, nil)
}

// Catalogue returns that of an edge, to be read until the simulation goes on.
func (s *Simulation) Catalogue(i int) *control.Catalogue { return s.book(i).catalogue }

// InForce returns how long after an entry was appended each edge knew of it; -1: it does not.
func (s *Simulation) InForce(sequence uint64) []time.Duration {
	o := s.objects[sequence-1]
	took := make([]time.Duration, len(o.done))
	for i, at := range o.done {
		if took[i] = -1; at != mono.Never && at != dropped {
			took[i] = at.Sub(o.at)
		}
	}
	return took
}

// LogResult is what a run with real entries came to.
type LogResult struct {
	// Head is the sequence of the newest entry, InStep how many edges have folded up to it.
	Head   uint64
	InStep int
	// DigestsDiffer counts foldings after which an edge's digest was not the origin's at that mark.
	DigestsDiffer int
	// PurgedServed counts answers with an object that an entry which the edge had purges. The keys
	// of a purge are asked for when it arrives, those of a bundle when it is whole, and all at
	// the end of a run.
	PurgedServed int
	// WrongAnswers counts, when a run is finished, answers of edges in step that are not the origin's.
	WrongAnswers int
	// CatchUps counts those that ended.
	CatchUps int
}

// audit completes the result of the log.
func (s *Simulation) audit(finished bool) LogResult {
	r := s.verdict
	if s.log.catalogue == nil {
		return r
	}
	r.Head = uint64(len(s.objects))
	for i := range s.edges {
		inStep := s.edges[i].book != nil && s.edges[i].book.mark == r.Head
		if inStep {
			r.InStep++
		}
		if !finished || s.edges[i].book == nil {
			continue
		}
		for key := range s.log.keys {
			s.judgeKey(i, key)
			want, answer := s.log.catalogue.Lookup(key)
			got, edge := s.edges[i].book.catalogue.Lookup(key)
			if inStep && (answer != edge || want.Version != got.Version) {
				r.WrongAnswers++
			}
		}
	}
	r.PurgedServed, s.verdict.PurgedServed = s.verdict.PurgedServed, r.PurgedServed
	return r
}

// prefix returns how many blocks from the first on are there.
func (b blockSet) prefix() (n uint32) {
	for int(n/64) < len(b) && b[n/64]&(1<<(n%64)) != 0 {
		n++
	}
	return n
}
