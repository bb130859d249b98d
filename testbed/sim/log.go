package sim

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"fanfare/control"
	"fanfare/sender"
)

// ErrLog is returned if real entries and stand-ins would be mixed in one log, or the log has no
// entries at all (Config.Entries).
var ErrLog = errors.New("sim: no log of entries")

// log is the origin's log of real entries: signed, chained, and folded into a catalogue that every
// edge's is compared with. Edges share entries and manifests and only read them.
type log struct {
	key       ed25519.PrivateKey
	last      control.Hash
	catalogue *control.Catalogue
	// clock is what the origin's wall clock is off by.
	clock time.Duration
	// digests has the catalogue's digest at each mark.
	digests []control.Hash
	// keys has every version that ever was of each key, ascending.
	keys map[control.Key][]*edition
}

// edition is a version of a key. killer is the first entry with a selector that matches it, 0 if
// there is none. What is older than a version that was purged is dead too; but an edge can know
// that only when it knows the newer one.
type edition struct {
	object          *control.Object
	version, killer uint64
}

// statement is what a real entry adds to its place in the log.
type statement struct {
	entry *control.Entry
	hash  control.Hash
	// manifest and layout are of the bundle of a publish.
	manifest *control.Manifest
	layout   control.Layout
	priority sender.Priority
	// killed are the keys that it purged, dead the bundles that they were in.
	killed []control.Key
	dead   []uint64
}

// generation is that of every simulation.
var generation = control.Generation{Order: 1, Random: 1}

func newCatalogue() *control.Catalogue {
	return control.New(control.Config{Channel: tsi, Generation: generation})
}

// AddObjects appends to the log, now, a publication of objects in one bundle, and returns its
// sequence. It sets their offsets, and keeps them; they must not be changed after that. As at a real
// origin, the manifest goes into the entry if both fit into one symbol. The digests of
// blocks are made up: nobody has the bytes.
func (s *Simulation) AddObjects(objects ...control.Object) (sequence uint64, err error) {
	return s.AddObjectsAs(sender.Normal, objects...)
}

// AddObjectsAs is AddObjects with a bundle of a class.
func (s *Simulation) AddObjectsAs(priority sender.Priority, objects ...control.Object) (sequence uint64, err error) {
	k := s.cfg.MaxBlock
	if k == 0 {
		k = 200
	}
	oti := Bundle(0, k)
	layout, err := control.Arrange(objects, oti, int(oti.SymbolLength)-entryOverhead)
	if err != nil {
		return 0, fmt.Errorf("sim: %w", err)
	}
	manifest := &control.Manifest{Objects: objects, Digests: make([]control.Hash, layout.Blocks-layout.ManifestBlocks)}
	for i := range manifest.Digests {
		binary.BigEndian.PutUint32(manifest.Digests[i][:], uint32(i)+1)
	}
	encoded, err := manifest.Encode()
	if err != nil {
		return 0, fmt.Errorf("sim: %w", err)
	}
	publish := &control.Publish{OTI: layout.OTI, Objects: uint32(len(objects))}
	for i := range objects {
		publish.Bytes += objects[i].Length
	}
	if layout.Inline {
		publish.Manifest = encoded
	} else {
		publish.ManifestLength = layout.ManifestLength
		publish.ManifestDigests = make([]control.Hash, layout.ManifestBlocks)
	}
	e := &control.Entry{Kind: control.KindPublish, Publish: publish}
	return s.addEntry(e, &statement{manifest: manifest, layout: layout, priority: priority})
}

// entryOverhead is more than an entry has besides an inline manifest, in bytes.
const entryOverhead = 256

// AddEntry appends a purge, a remove or a retire to the log, now, and returns its sequence. Of e
// only Kind and the body that belongs to it are looked at.
func (s *Simulation) AddEntry(e control.Entry) (sequence uint64, err error) {
	if e.Kind == control.KindPublish {
		return 0, fmt.Errorf("%w: AddObjects publishes", ErrLog)
	}
	return s.addEntry(&e, &statement{})
}

// PublishObjects is AddObjects at a time.
func (s *Simulation) PublishObjects(at time.Duration, objects ...control.Object) {
	s.At(at, func() {
		_, err := s.AddObjects(objects...)
		s.fail(err)
	})
}

// Purge purges at a time what the selectors match.
func (s *Simulation) Purge(at time.Duration, selectors ...control.Selector) {
	s.addAt(at, control.Entry{Kind: control.KindPurge, Purge: selectors})
}

// Remove removes keys at a time.
func (s *Simulation) Remove(at time.Duration, keys ...control.Key) {
	s.addAt(at, control.Entry{Kind: control.KindRemove, Remove: keys})
}

// Retire retires bundles at a time: none may have a live object then, and those of their keys that
// have no row any more must have been purged by name (see package control).
func (s *Simulation) Retire(at time.Duration, sequences ...uint64) {
	s.addAt(at, control.Entry{Kind: control.KindRetire, Retire: sequences})
}

func (s *Simulation) addAt(at time.Duration, e control.Entry) {
	s.At(at, func() {
		_, err := s.AddEntry(e)
		s.fail(err)
	})
}

// addEntry signs an entry and puts it into the log.
func (s *Simulation) addEntry(e *control.Entry, st *statement) (sequence uint64, err error) {
	l := &s.log
	switch {
	case !s.cfg.Entries:
		return 0, fmt.Errorf("%w: Config.Entries is false", ErrLog)
	case len(l.digests) != len(s.objects):
		return 0, fmt.Errorf("%w: %d publications are without a real entry", ErrLog, len(s.objects)-len(l.digests))
	case s.origin.engine == nil:
		return 0, ErrDown
	}
	if l.catalogue == nil {
		l.key = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
		l.catalogue, l.keys = newCatalogue(), make(map[control.Key][]*edition)
	}
	e.Channel, e.Generation, e.Previous = tsi, generation, l.last
	e.Sequence, e.Time = uint64(len(s.objects)+1), (s.Now() + s.log.clock).Milliseconds()
	raw, err := control.Sign(e, l.key)
	if err != nil {
		return 0, fmt.Errorf("sim: %w", err)
	}
	// What edges get is what they would read from the bytes.
	if st.entry, err = control.Open(raw, l.key.Public().(ed25519.PublicKey)); err != nil {
		return 0, fmt.Errorf("sim: %w", err)
	}
	st.hash = control.HashEntry(raw)
	if err := l.apply(st); err != nil {
		return 0, fmt.Errorf("sim: %w", err)
	}
	what := Object{EntryBytes: len(raw), Bare: e.Kind != control.KindPublish, Priority: st.priority, statement: st}
	if !what.Bare {
		what.OTI = e.Publish.OTI
	}
	return s.Add(what)
}

// apply brings the origin's catalogue, and the list of all versions, up to date.
func (l *log) apply(st *statement) error {
	e := st.entry
	if _, err := l.catalogue.Apply(e, st.hash); err != nil {
		return err
	}
	if e.Kind == control.KindPublish {
		if err := l.catalogue.AddManifest(e.Sequence, st.manifest); err != nil {
			return err
		}
		l.catalogue.Complete(e.Sequence)
		for i := range st.manifest.Objects {
			o := &st.manifest.Objects[i]
			l.keys[o.Key] = append(l.keys[o.Key], &edition{object: o, version: e.Sequence})
		}
	}
	if _, err := l.catalogue.Fold(); err != nil {
		return err
	}
	l.last = st.hash
	l.digests = append(l.digests, l.catalogue.Digest())
	l.kill(st)
	return nil
}

// kill notes which versions an entry purges. It knows nothing of catalogues: what they
// answer is judged by it.
func (l *log) kill(st *statement) {
	selectors := st.entry.Purge
	for _, k := range st.entry.Remove {
		selectors = append(selectors, control.Selector{Kind: control.SelectKey, Key: k})
	}
	st.dead = append(st.dead, st.entry.Retire...)
	if len(selectors) == 0 {
		return
	}
	for key, editions := range l.keys {
		if n := reach(selectors, key, editions); n > 0 {
			st.killed = append(st.killed, key)
			for _, e := range editions[:n] {
				if e.killer == 0 && matches(selectors, key, e) {
					e.killer = st.entry.Sequence
				}
				st.dead = append(st.dead, e.version)
			}
		}
	}
	slices.SortFunc(st.killed, control.Key.Compare)
	slices.Sort(st.dead)
	st.dead = slices.Compact(st.dead)
}

// reach returns how many of a key's versions selectors kill: the newest that one of them
// matches, and all before it.
func reach(selectors []control.Selector, key control.Key, editions []*edition) int {
	for n := len(editions); n > 0; n-- {
		if matches(selectors, key, editions[n-1]) {
			return n
		}
	}
	return 0
}

func matches(selectors []control.Selector, key control.Key, e *edition) bool {
	return slices.ContainsFunc(selectors, func(s control.Selector) bool { return s.Matches(key, e.object.Tags) })
}
