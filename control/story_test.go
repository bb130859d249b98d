package control

import (
	"errors"
	"slices"
	"testing"
)

// story is a catalogue with verbs. Sequences count the log's entries from 1.
type story struct {
	*testing.T
	log testLog
	c   *Catalogue
}

func newStory(t *testing.T) *story { return &story{T: t, c: New(Config{Generation: testGeneration})} }

// publish logs a bundle of keys that share tags; its manifest is not inline.
func (s *story) publish(tags []string, keys ...string) uint64 {
	s.Helper()
	var objects []Object
	for _, k := range keys {
		objects = append(objects, Object{Key: mustKey(s.T, k), Length: 100, Tags: tags})
	}
	return s.log.publish(s, false, objects...).Sequence
}

func (s *story) purgeTag(tag string) uint64 {
	return s.log.purge(Selector{Kind: SelectTag, Tag: tag}).Sequence
}

func (s *story) purgeKey(key string) uint64 {
	return s.log.purge(Selector{Kind: SelectKey, Key: mustKey(s.T, key)}).Sequence
}

func (s *story) apply(sequences ...uint64) {
	s.Helper()
	for _, q := range sequences {
		if _, err := s.c.Apply(s.log.entries[q-1], s.log.hashes[q-1]); err != nil {
			s.Fatalf("Apply %d: %v", q, err)
		}
	}
}

func (s *story) manifest(sequences ...uint64) {
	s.Helper()
	for _, q := range sequences {
		if err := s.c.AddManifest(q, s.log.manifests[q]); err != nil {
			s.Fatalf("AddManifest %d: %v", q, err)
		}
	}
}

func (s *story) fold(wantMark uint64) Changes {
	s.Helper()
	changes, err := s.c.Fold()
	if err != nil || changes.Mark != wantMark {
		s.Fatalf("Fold: mark %d, want %d; %v", changes.Mark, wantMark, err)
	}
	return changes
}

func (s *story) want(key string, answer Answer, version uint64) {
	s.Helper()
	if row, got := s.c.LookupRequest(mustKey(s.T, key)); got != answer || row.Version != version {
		s.Fatalf("%s: %v, version %d; want %v, version %d", key, got, row.Version, answer, version)
	}
}

func TestOldVersionIsServedWhileNewTravels(t *testing.T) {
	s := newStory(t)
	old, update := s.publish(nil, "/a"), s.publish(nil, "/a")
	s.apply(old)
	s.manifest(old)
	s.want("/a", Incomplete, old)
	s.c.Complete(old)
	s.want("/a", Found, old)
	s.apply(update)
	s.manifest(update)
	s.fold(update)
	s.want("/a", Found, old)
	if s.c.LiveObjects(old) != 1 || s.c.Needed(old) {
		t.Fatalf("old bundle: %d live, needed %v", s.c.LiveObjects(old), s.c.Needed(old))
	}
	if got := s.c.Wanted(9); !slices.Equal(got, []uint64{update}) {
		t.Fatalf("wanted %v", got)
	}
	s.c.Complete(update)
	s.want("/a", Found, update)
	changes := s.fold(update)
	if !slices.Equal(changes.Released, []uint64{old}) || len(changes.Delete) != 1 {
		t.Fatalf("changes %+v", changes)
	}
	s.c.Evicted(update)
	s.want("/a", Incomplete, update)
	if got := s.c.Wanted(9); len(got) > 0 || !s.c.Needed(update) {
		t.Fatalf("wanted %v, needed %v", got, s.c.Needed(update))
	}
	s.c.Complete(update)
	s.want("/a", Found, update)
}

func TestPurgeActsBeforeWhatLiesBetween(t *testing.T) {
	s := newStory(t)
	first, between, purge := s.publish([]string{"t"}, "/a", "/b"), s.publish(nil, "/c"), s.purgeTag("t")
	s.apply(first)
	s.manifest(first)
	s.c.Complete(first)
	s.fold(first)
	s.apply(purge)
	s.want("/a", Absent, 0)
	s.fold(first)
	if got := s.c.Missing(purge, 9); !slices.Equal(got, []uint64{between}) {
		t.Fatalf("missing %v", got)
	}
	s.apply(between)
	if got := s.c.MissingManifests(9); !slices.Equal(got, []uint64{between}) {
		t.Fatalf("missing manifests %v", got)
	}
	s.manifest(between)
	if changes := s.fold(purge); !slices.Equal(changes.Released, []uint64{first}) {
		t.Fatalf("released %v", changes.Released)
	}
	// Everything of the dead bundle comes once more.
	s.apply(first)
	s.manifest(first)
	if s.c.Complete(first) {
		t.Fatal("a dead bundle is needed")
	}
	s.want("/a", Absent, 0)
	s.want("/b", Absent, 0)
	if s.c.Stats().EntriesOld != 1 {
		t.Fatalf("%+v", s.c.Stats())
	}
}

// What a purge kills takes older versions with it: a fallback without the tag does not come back
// when the next version is announced, folded or not.
func TestPurgedKeyDoesNotFallBack(t *testing.T) {
	for _, foldEarly := range []bool{false, true} {
		s := newStory(t)
		plain, tagged := s.publish(nil, "/a"), s.publish([]string{"t"}, "/a")
		purge, next := s.purgeTag("t"), s.publish(nil, "/a")
		s.apply(plain, tagged, purge)
		s.manifest(plain, tagged)
		s.c.Complete(plain)
		if foldEarly {
			s.fold(purge)
		}
		s.want("/a", Absent, 0)
		s.apply(next)
		s.manifest(next)
		s.want("/a", Incomplete, next)
		s.fold(next)
		s.want("/a", Incomplete, next)
		s.c.Complete(next)
		s.want("/a", Found, next)
	}
}

func TestHosts(t *testing.T) {
	s := newStory(t)
	shared, own := s.publish(nil, "/a", "/b"), s.publish(nil, "//h/a")
	s.apply(shared, own)
	s.manifest(shared, own)
	s.c.Complete(shared)
	s.want("//h/a", Incomplete, own) // its own row decides, though the shared one is complete
	s.c.Complete(own)
	s.want("//h/a", Found, own)
	s.want("//g/a", Found, shared)
	s.want("//g/b", Found, shared)
	purge := s.purgeKey("//h/b") // reaches what is served for h, though it was published for every host
	s.apply(purge)
	s.want("//g/b", Absent, 0)
	s.want("//g/a", Found, shared)
	everywhere := s.purgeKey("/a")
	s.apply(everywhere)
	s.want("//h/a", Absent, 0)
	s.want("/a", Absent, 0)
	s.fold(everywhere)
	s.want("//h/a", Absent, 0)
	s.want("//g/b", Absent, 0)
}

func TestRemoved(t *testing.T) {
	s := newStory(t)
	first := s.publish(nil, "/a")
	remove := s.log.add(&Entry{Kind: KindRemove, Remove: []Key{mustKey(t, "/a")}}).Sequence
	again := s.publish(nil, "/a")
	s.apply(first, remove)
	s.manifest(first)
	s.want("/a", Removed, 0)
	s.want("//h/a", Removed, 0)
	s.fold(remove)
	s.want("/a", Absent, 0)
	s.apply(again)
	s.manifest(again)
	s.c.Complete(again)
	s.want("//h/a", Found, again)
}

func TestRetiredBundleIsFoldedWithoutManifest(t *testing.T) {
	s := newStory(t)
	origin := newStory(t)
	lost := origin.publish([]string{"t"}, "/a", "/b")
	newer := origin.publish(nil, "/a")
	purge := origin.purgeTag("t") // /b has no row any more
	origin.apply(lost, newer, purge)
	origin.manifest(lost, newer)
	origin.c.Complete(lost)
	if _, ok := origin.c.Retirable(lost, origin.log.manifests[lost]); ok {
		t.Fatal("retirable before it was folded")
	}
	origin.c.Complete(newer)
	origin.fold(purge)
	keys, ok := origin.c.Retirable(lost, origin.log.manifests[lost])
	if !ok || !slices.Equal(keys, []Key{mustKey(t, "/b")}) {
		t.Fatalf("retirable %v, purge %v", ok, keys)
	}
	byName := origin.purgeKey("/b")
	retire := origin.log.add(&Entry{Kind: KindRetire, Retire: []uint64{lost}}).Sequence
	origin.apply(byName, retire)
	origin.fold(retire)

	s.log = origin.log
	s.apply(lost, newer, purge, byName)
	s.manifest(newer)
	s.fold(0)
	s.apply(retire)
	if s.c.Needed(lost) {
		t.Fatal("a retired bundle is needed")
	}
	changes := s.fold(retire)
	if s.c.Digest() != origin.c.Digest() || !slices.Equal(changes.Released, []uint64{lost}) {
		t.Fatalf("digest differs, or released %v", changes.Released)
	}
}

func TestBrokenChain(t *testing.T) {
	s := newStory(t)
	a, b, c := s.publish(nil, "/a"), s.purgeKey("/a"), s.purgeKey("/c")
	other := *s.log.entries[b-1]
	other.Previous = Hash{1}
	s.apply(a, c)
	s.manifest(a)
	s.c.Complete(a)
	if _, err := s.c.Apply(&other, HashEntry(other.encode())); err != nil {
		t.Fatal(err)
	}
	s.want("/a", Absent, 0)
	if _, err := s.c.Apply(s.log.entries[b-1], s.log.hashes[b-1]); !errors.Is(err, ErrChain) {
		t.Fatalf("a second entry %d: %v", b, err)
	}
	changes, err := s.c.Fold()
	if !errors.Is(err, ErrChain) || changes.Mark != a || s.c.Stats().ChainBroken != 1 {
		t.Fatalf("Fold: %+v, %v", changes, err)
	}
	s.want("/a", Found, a) // as if the wrong entry had never come
	if got := s.c.Missing(c, 9); !slices.Equal(got, []uint64{b}) {
		t.Fatalf("missing %v", got)
	}
	s.apply(b)
	s.fold(c)
	s.want("/a", Absent, 0)
	if err := s.c.CheckHead(Head{Generation: testGeneration, Sequence: c, Hash: s.log.hashes[c-1]}); err != nil {
		t.Fatal(err)
	}
	if err := s.c.CheckHead(Head{Generation: testGeneration, Sequence: c, Hash: Hash{1}}); !errors.Is(err, ErrChain) {
		t.Fatalf("a wrong head: %v", err)
	}
	if err := s.c.CheckHead(Head{Sequence: c}); !errors.Is(err, ErrGeneration) {
		t.Fatalf("a head of another generation: %v", err)
	}
}

// What came for a bundle that was announced wrongly is not served as another.
func TestBrokenChainOfPublish(t *testing.T) {
	s := newStory(t)
	first, second := s.purgeKey("/x"), s.publish(nil, "/a")
	wrong := *s.log.entries[second-1]
	wrong.Previous = Hash{1}
	if _, err := s.c.Apply(&wrong, HashEntry(wrong.encode())); err != nil {
		t.Fatal(err)
	}
	s.manifest(second)
	s.c.Complete(second)
	s.want("/a", Found, second)
	s.apply(first)
	if _, err := s.c.Fold(); !errors.Is(err, ErrChain) {
		t.Fatal(err)
	}
	s.want("/a", Absent, 0)
	if highest := s.c.Highest(); highest != first {
		t.Errorf("highest %d", highest)
	}
	if _, err := s.c.Apply(&wrong, HashEntry(wrong.encode())); !errors.Is(err, ErrChain) {
		t.Fatalf("an entry that does not follow from the mark: %v", err)
	}
	s.apply(second)
	s.manifest(second)
	s.want("/a", Incomplete, second)
	s.fold(second)
	if stats := s.c.Stats(); stats.Keys != 1 || stats.Versions != 1 || stats.Overlay != 0 {
		t.Fatalf("%+v", stats)
	}
}

func TestRefusals(t *testing.T) {
	s := newStory(t)
	s.publish(nil, "/a")
	e := s.log.entries
	for _, test := range []struct {
		name   string
		config Config
		want   error
	}{
		{"channel", Config{Channel: 1, Generation: testGeneration}, ErrChannel},
		{"generation", Config{}, ErrGeneration},
		{"symbol length", Config{Generation: testGeneration, SymbolLength: 1408}, ErrChannel},
	} {
		if _, err := New(test.config).Apply(e[0], Hash{}); !errors.Is(err, test.want) {
			t.Errorf("another %s: %v", test.name, err)
		}
	}
	if err := s.c.AddManifest(1, s.log.manifests[1]); !errors.Is(err, ErrNoEntry) {
		t.Errorf("a manifest without entry: %v", err)
	}
	s.apply(1)
	if err := s.c.AddManifest(1, &Manifest{}); !errors.Is(err, ErrManifest) {
		t.Errorf("a manifest of another bundle: %v", err)
	}
}

func TestList(t *testing.T) {
	s := newStory(t)
	p := s.publish(nil, "//h/b", "/c/d", "/a", "/c", "//h/c/e")
	s.apply(p, s.purgeKey("/a"))
	s.manifest(p)
	for _, test := range []struct {
		prefix, after Key
		limit         int
		want          []string
	}{
		{Key{}, Key{}, 9, []string{"/c", "/c/d", "//h/b", "//h/c/e"}},
		{Key{}, Key{}, 2, []string{"/c", "/c/d"}},
		{Key{}, Key{Path: "/c/d"}, 9, []string{"//h/b", "//h/c/e"}},
		{Key{Path: "/c"}, Key{}, 9, []string{"/c", "/c/d", "//h/c/e"}},
		{Key{Host: "h", Path: "/"}, Key{}, 1, []string{"//h/b"}},
		{Key{Host: "g"}, Key{}, 1, nil},
	} {
		var got []string
		for _, row := range s.c.List(test.prefix, test.after, test.limit) {
			got = append(got, row.Key.String())
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("List(%v, %v, %d) = %v, want %v", test.prefix, test.after, test.limit, got, test.want)
		}
	}
}
