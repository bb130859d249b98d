package control

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"fanfare/internal/wire"
)

func sampleEntries(t testing.TB) []*Entry {
	key := mustKey(t, "//h/a")
	objects := []Object{
		{Key: key, Length: 300, Digest: Hash{1}, Headers: []Header{{"content-type", "text/plain"}}, Tags: []string{"t"}},
		{Key: mustKey(t, "/b"), Length: 0, Digest: Hash{2}},
	}
	inline, _ := testBundle(t, true, objects...)
	headed, _ := testBundle(t, false, objects...)
	entries := []*Entry{
		{Kind: KindPublish, Publish: inline},
		{Kind: KindPublish, Publish: headed},
		{Kind: KindPurge, Purge: []Selector{
			{Kind: SelectKey, Key: key}, {Kind: SelectTag, Tag: "t"}, {Kind: SelectPrefix, Key: key}, {Kind: SelectAll},
		}},
		{Kind: KindRemove, Remove: []Key{key, mustKey(t, "/b")}},
		{Kind: KindRetire, Retire: []uint64{1, 5}},
	}
	for i, e := range entries {
		e.Channel, e.Generation, e.Sequence, e.Time = 7, testGeneration, uint64(10+i), -5+int64(i)*1e12
		e.Previous = Hash{byte(i + 1)}
	}
	return entries
}

func TestSignOpen(t *testing.T) {
	public, private := testKey()
	for _, e := range sampleEntries(t) {
		raw, err := Sign(e, private)
		if err != nil {
			t.Fatalf("%v: %v", e.Kind, err)
		}
		got, err := Open(raw, public)
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("%v: %+v, %v; want %+v", e.Kind, got, err, e)
		}
		for i := range raw {
			raw[i] ^= 4
			if _, err := Open(raw, public); !errors.Is(err, ErrSignature) {
				t.Fatalf("%v with bit %d changed: %v", e.Kind, 8*i, err)
			}
			raw[i] ^= 4
		}
		message := e.encode()
		for n := range message { // signed, but cut short
			if _, err := Open(sign(domainEntry, message[:n:n], private), public); !errors.Is(err, ErrCodec) {
				t.Fatalf("%v cut to %d: %v", e.Kind, n, err)
			}
		}
		if _, err := Open(sign(domainEntry, append(message, 0), private), public); !errors.Is(err, ErrCodec) {
			t.Fatalf("%v with a byte left over: %v", e.Kind, err)
		}
		message[1] = 2
		if _, err := Open(sign(domainEntry, message, private), public); !errors.Is(err, ErrCodec) {
			t.Fatalf("%v of version 2: %v", e.Kind, err)
		}
		if _, err := OpenHead(raw, public); !errors.Is(err, ErrSignature) {
			t.Fatalf("%v as a head: %v", e.Kind, err)
		}
	}
	if _, err := Open(nil, public); !errors.Is(err, ErrSignature) {
		t.Fatal(err)
	}
	if _, err := Open(make([]byte, MaxEntry+1), public); !errors.Is(err, ErrCodec) {
		t.Fatal(err)
	}
}

// A golden entry: its bytes must not change unless the version does.
func TestEntryBytes(t *testing.T) {
	e := &Entry{
		Channel: 7, Generation: Generation{1, 2}, Sequence: 300, Previous: Hash{0xee}, Time: 1000, Kind: KindPurge,
		Purge: []Selector{{Kind: SelectKey, Key: Key{"h", "/a"}}, {Kind: SelectTag, Tag: "t"}, {Kind: SelectAll}},
	}
	want := "9a" + "01" + "02" + "07" + "0102" + "cd012c" + "c420ee" + strings.Repeat("00", 31) + "cd03e8" + "00" +
		"93" + "9301a168a22f61" + "9202a174" + "9104"
	if got := hex.EncodeToString(e.encode()); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func TestSignRefuses(t *testing.T) {
	_, private := testKey()
	key := Key{Path: "/a"}
	long := &Entry{Sequence: 1, Kind: KindPurge}
	for range MaxSelectors {
		long.Purge = append(long.Purge, Selector{Kind: SelectTag, Tag: "tag-tag-tag"})
	}
	publish, _ := testBundle(t, true, Object{Key: key, Length: 10})
	spoil := func(change func(*Publish)) *Entry {
		p := *publish
		change(&p)
		return &Entry{Sequence: 1, Kind: KindPublish, Publish: &p}
	}
	for _, test := range []struct {
		name string
		e    *Entry
		want error
	}{
		{"long", long, ErrLength},
		{"sequence 0", &Entry{Kind: KindPurge, Purge: []Selector{{Kind: SelectAll}}}, ErrEntry},
		{"no body", &Entry{Sequence: 1, Kind: KindPurge}, ErrEntry},
		{"other body", &Entry{Sequence: 1, Kind: KindPurge, Remove: []Key{key}}, ErrEntry},
		{"no kind", &Entry{Sequence: 1}, ErrEntry},
		{"key", &Entry{Sequence: 1, Kind: KindRemove, Remove: []Key{{Path: "/%61"}}}, ErrKey},
		{"selector", &Entry{Sequence: 1, Kind: KindPurge, Purge: []Selector{{Kind: 9}}}, ErrEntry},
		{"selector of two kinds", &Entry{Sequence: 1, Kind: KindPurge, Purge: []Selector{{Kind: SelectAll, Tag: "t"}}}, ErrEntry},
		{"tag", &Entry{Sequence: 1, Kind: KindPurge, Purge: []Selector{{Kind: SelectTag, Tag: "a b"}}}, ErrEntry},
		{"retires itself", &Entry{Sequence: 1, Kind: KindRetire, Retire: []uint64{1}}, ErrEntry},
		{"objects", spoil(func(p *Publish) { p.Objects = 2 }), ErrManifest},
		{"no objects", spoil(func(p *Publish) { p.Objects = 0 }), ErrEntry},
		{"bytes", spoil(func(p *Publish) { p.Bytes = 9 }), ErrManifest},
		{"too many bytes", spoil(func(p *Publish) { p.Bytes = 11 }), ErrEntry},
		{"length", spoil(func(p *Publish) { p.OTI.TransferLength = 9; p.Bytes = 9 }), ErrCodec},
		{"blocks", spoil(func(p *Publish) { p.OTI.TransferLength = 4096 }), ErrManifest},
		{"symbol length", spoil(func(p *Publish) { p.OTI.SymbolLength = 65 }), ErrEntry},
		{"OTI", spoil(func(p *Publish) { p.OTI.MaxSymbols = 1 }), ErrEntry},
		{"two manifests", spoil(func(p *Publish) { p.ManifestLength = 1 }), ErrEntry},
		{"no manifest", spoil(func(p *Publish) { p.Manifest = nil }), ErrEntry},
		{"manifest longer than the bundle", spoil(func(p *Publish) { p.Manifest = nil; p.ManifestLength = 4096 }), ErrEntry},
		{"digests", spoil(func(p *Publish) { p.ManifestDigests = make([]Hash, 1) }), ErrEntry},
	} {
		if _, err := Sign(test.e, private); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestHead(t *testing.T) {
	public, private := testKey()
	for _, h := range []Head{
		{},
		{Channel: 1<<32 - 1, Generation: Generation{1<<32 - 1, 1<<64 - 1}, Sequence: 1<<63 - 1, Hash: Sum(nil)},
	} {
		raw := SignHead(h, private)
		if len(raw) > wire.MaxHead || len(raw) > 144 {
			t.Fatalf("%d bytes", len(raw))
		}
		if got, err := OpenHead(raw, public); err != nil || got != h {
			t.Fatalf("%+v, %v", got, err)
		}
		raw[3] ^= 1
		if _, err := OpenHead(raw, public); !errors.Is(err, ErrSignature) {
			t.Fatal(err)
		}
	}
	if _, err := OpenHead(SignHead(Head{Sequence: 1}, private), public); !errors.Is(err, ErrCodec) {
		t.Fatalf("a head without hash: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	public, private := testKey()
	for _, e := range sampleEntries(f) {
		f.Add(e.encode(), true)
		raw, _ := Sign(e, private)
		f.Add(raw, false)
	}
	f.Fuzz(func(t *testing.T, b []byte, signIt bool) {
		if signIt { // so that the reader is reached
			b = sign(domainEntry, append([]byte(nil), b...), private)
		}
		e, err := Open(b, public)
		if err != nil {
			return
		}
		again, err := Sign(e, private)
		if errors.Is(err, ErrLength) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Open(again, public); err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("%+v became %+v, %v", e, got, err)
		}
		c := New(Config{Channel: e.Channel, Generation: e.Generation})
		if _, err := c.Apply(e, HashEntry(b)); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzOpenHead(f *testing.F) {
	public, private := testKey()
	raw := SignHead(Head{Channel: 1, Sequence: 2, Hash: Hash{1}}, private)
	f.Add(raw[:len(raw)-ed25519.SignatureSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := OpenHead(sign(domainHead, append([]byte(nil), b...), private), public)
		if err != nil {
			return
		}
		if got, err := OpenHead(SignHead(h, private), public); err != nil || got != h {
			t.Fatalf("%+v became %+v, %v", h, got, err)
		}
		_, _ = OpenHead(b, public)
	})
}

func TestReopen(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &Entry{Channel: 7, Generation: Generation{1, 2}, Sequence: 1, Time: 1000, Kind: KindPurge, Purge: []Selector{{Kind: SelectAll}}}
	raw, err := Sign(e, private)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := Open(raw, public)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1] ^= 1 // of the signature
	if again, err := Reopen(raw); err != nil || !reflect.DeepEqual(again, opened) {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := Reopen(raw[:ed25519.SignatureSize]); !errors.Is(err, ErrCodec) {
		t.Errorf("a signature alone: %v", err)
	}
	if _, err := Reopen(raw[1:ed25519.SignatureSize]); !errors.Is(err, ErrCodec) {
		t.Errorf("less than a signature: %v", err)
	}
}
