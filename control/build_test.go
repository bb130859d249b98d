package control

import (
	"crypto/ed25519"
	"testing"

	"fanfare/fec"
)

// Small blocks, so that small bundles have several.
var testOTI = fec.OTI{SymbolLength: 64, MaxBlock: 4, MaxSymbols: 8}

var testGeneration = Generation{Order: 1, Random: 42}

func testKey() (ed25519.PublicKey, ed25519.PrivateKey) {
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	return private.Public().(ed25519.PublicKey), private
}

// fataler is what testing.T and rapid.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// testBundle lays out a bundle as a publisher does; the digests of blocks are not true.
func testBundle(t fataler, inline bool, objects ...Object) (*Publish, *Manifest) {
	t.Helper()
	limit := 0
	if inline {
		limit = MaxEntry
	}
	layout, err := Arrange(objects, testOTI, limit)
	if err != nil {
		t.Fatalf("Arrange: %v", err)
	}
	m := &Manifest{Objects: objects, Digests: make([]Hash, layout.Blocks-layout.ManifestBlocks)}
	for i := range m.Digests {
		m.Digests[i] = Sum([]byte{byte(i)})
	}
	encoded, err := m.Encode()
	if err != nil {
		t.Fatalf("Encode: %v", err)
	}
	if uint64(len(encoded)) != layout.ManifestLength || layout.Inline != inline {
		t.Fatalf("manifest of %d bytes, layout %+v", len(encoded), layout)
	}
	p := &Publish{OTI: layout.OTI, Objects: uint32(len(objects))}
	for _, o := range objects {
		p.Bytes += o.Length
	}
	if inline {
		p.Manifest = encoded
	} else {
		p.ManifestLength = layout.ManifestLength
		p.ManifestDigests = make([]Hash, layout.ManifestBlocks)
	}
	return p, m
}

// testLog is an origin's log: entries chained by hash.
type testLog struct {
	entries   []*Entry // of sequence 1, 2, ...
	hashes    []Hash
	manifests map[uint64]*Manifest
}

func (l *testLog) head() (sequence uint64, hash Hash) {
	if n := len(l.hashes); n > 0 {
		hash = l.hashes[n-1]
	}
	return uint64(len(l.entries)), hash
}

func (l *testLog) add(e *Entry) *Entry {
	sequence, hash := l.head()
	e.Generation, e.Sequence, e.Previous = testGeneration, sequence+1, hash
	l.entries = append(l.entries, e)
	l.hashes = append(l.hashes, HashEntry(e.encode()))
	return e
}

func (l *testLog) publish(t fataler, inline bool, objects ...Object) *Entry {
	t.Helper()
	p, m := testBundle(t, inline, objects...)
	e := l.add(&Entry{Kind: KindPublish, Publish: p})
	if l.manifests == nil {
		l.manifests = make(map[uint64]*Manifest)
	}
	l.manifests[e.Sequence] = m
	return e
}

func (l *testLog) purge(selectors ...Selector) *Entry {
	return l.add(&Entry{Kind: KindPurge, Purge: selectors})
}

func mustKey(t testing.TB, s string) Key {
	t.Helper()
	k, err := ParseKey(s)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
