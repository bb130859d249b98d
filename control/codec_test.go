package control

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
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

// TestRows stores the objects of a manifest and reads them again.
func TestRows(t *testing.T) {
	for _, inline := range []bool{true, false} {
		objects := []Object{
			{Key: Key{"h", "/a"}, Length: 5, Digest: Hash{1}, Headers: []Header{{"a", "b"}, {"a", "c"}}, Tags: []string{"t", "u"}},
			{Key: Key{"", "/b"}, Length: 50_000, Digest: Hash{2}},
		}
		if inline {
			objects[1].Length = 50
		}
		p, m := testBundle(t, inline, objects...)
		encoded, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := DecodeManifest(encoded, p)
		if err != nil {
			t.Fatal(err)
		}
		b := decoded.AppendRows([]byte("x"), encoded)[1:]
		if len(b) > 200 {
			t.Errorf("%d bytes for two rows", len(b))
		}
		got, err := DecodeRows(b)
		if err != nil || !reflect.DeepEqual(got, m.Objects) {
			t.Fatalf("%+v, %v; want %+v", got, err, m.Objects)
		}
		for n := range b {
			if _, err := DecodeRows(b[:n]); !errors.Is(err, ErrCodec) {
				t.Fatalf("cut to %d: %v", n, err)
			}
		}
		if _, err := DecodeRows(append(b, 0)); !errors.Is(err, ErrCodec) {
			t.Fatalf("with a byte too many: %v", err)
		}
	}
}

func TestObjectSet(t *testing.T) {
	var s ObjectSet
	for _, n := range []uint32{0, 63, 64, 4095} {
		if s.Has(n) {
			t.Errorf("%d before it was added", n)
		}
		s.Add(n)
	}
	for n := range uint32(5000) {
		if want := n == 0 || n == 63 || n == 64 || n == 4095; s.Has(n) != want {
			t.Errorf("%d: %v", n, !want)
		}
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

// TestReader reads numbers in every form that msgpack has for them, and texts and arrays in all that
// writer uses.
func TestReader(t *testing.T) {
	for _, test := range []struct {
		hex  string
		want int64
		fits bool // as an unsigned number
	}{
		{"00", 0, true}, {"7f", 127, true}, {"cc05", 5, true}, {"ccff", 255, true}, {"cdffff", 65535, true},
		{"ce80000000", 1 << 31, true}, {"cf7fffffffffffffff", math.MaxInt64, true}, {"ff", -1, false}, {"e0", -32, false},
		{"d080", -128, false}, {"d1ff00", -256, false}, {"d2ffffffff", -1, false}, {"d38000000000000000", math.MinInt64, false}, {"d005", 5, false},
	} {
		b, err := hex.DecodeString(test.hex)
		if err != nil {
			t.Fatal(err)
		}
		r := newReader(b)
		if got := r.int(); got != test.want || r.end() != nil {
			t.Errorf("%s: %d, %v", test.hex, got, r.err)
		}
		r = newReader(b)
		if got := r.uint(math.MaxUint64); (r.end() == nil) != test.fits || test.fits && got != uint64(test.want) {
			t.Errorf("%s unsigned: %d, %v", test.hex, got, r.err)
		}
		for n := range b {
			r = newReader(b[:n])
			if r.int(); !errors.Is(r.end(), ErrCodec) {
				t.Errorf("%s cut to %d: %v", test.hex, n, r.err)
			}
		}
	}
	for _, n := range []int{0, 31, 32, 255, 256, 65535, 65536} {
		w := newWriter(nil)
		w.string(strings.Repeat("x", n))
		w.bytes(make([]byte, n))
		w.array(n)
		w.b = append(w.b, make([]byte, n)...)
		r := newReader(w.b)
		if s, b, a := r.string(n), r.bytes(n), r.array(n, n); len(s) != n || len(b) != n || b == nil || a != n || len(r.src) != n {
			t.Errorf("%d: %d, %d, %d, %d left, %v", n, len(s), len(b), a, len(r.src), r.err)
		}
		for _, read := range []func(*reader){
			func(r *reader) { r.string(n - 1) },
			func(r *reader) { r.string(n); r.bytes(n - 1) },
			func(r *reader) { r.string(n); r.bytes(n); r.array(0, n-1) },
		} {
			r := newReader(w.b)
			if read(r); !errors.Is(r.err, ErrCodec) && n > 0 {
				t.Errorf("%d bytes where %d may be: %v", n, n-1, r.err)
			}
		}
	}
}

// TestTwice: a key is found again among many, and only then.
func TestTwice(t *testing.T) {
	objects := make([]Object, MaxBundleObjects)
	for i := range objects {
		objects[i].Key = Key{Host: []string{"", "h"}[i%2], Path: fmt.Sprint("/", i/2)}
	}
	for _, n := range []int{0, 1, 2, 3, 4, 5, 1000, MaxBundleObjects} {
		if twice(objects[:n]) {
			t.Errorf("%d different keys", n)
		}
		if n < 2 {
			continue
		}
		kept := objects[n-1].Key
		objects[n-1].Key = objects[n/2-1].Key
		if !twice(objects[:n]) {
			t.Errorf("of %d keys one comes twice", n)
		}
		objects[n-1].Key = kept
	}
}

// TestRowSum: whatever a row has changes its sum.
func TestRowSum(t *testing.T) {
	sum := func(change func(v *version, f *fields, k *Key)) rowSum {
		f := fields{headers: []Header{{"a", "b"}, {"c", "d"}}, tags: []string{"t", "u"}}
		v := version{bundle: &bundle{sequence: 7}, fields: &f, offset: 1, length: 2, body: Hash{1}, number: 3}
		k := Key{"host", "/a/path/of/some/length"}
		change(&v, &f, &k)
		f.hash = f.mix()
		return v.sum(k)
	}
	seen := map[uint64]int{}
	for i, change := range []func(v *version, f *fields, k *Key){
		func(v *version, f *fields, k *Key) {},
		func(v *version, f *fields, k *Key) { v.bundle.sequence++ },
		func(v *version, f *fields, k *Key) { v.offset++ },
		func(v *version, f *fields, k *Key) { v.length++ },
		func(v *version, f *fields, k *Key) { v.body[31] = 1 },
		func(v *version, f *fields, k *Key) { v.body[0] = 2 },
		func(v *version, f *fields, k *Key) { k.Host += "x" },
		func(v *version, f *fields, k *Key) { k.Path += "x" },
		func(v *version, f *fields, k *Key) { k.Path += "\x00" },
		func(v *version, f *fields, k *Key) { k.Host, k.Path = "hos", "t"+k.Path },
		func(v *version, f *fields, k *Key) { f.headers[1].Value = "e" },
		func(v *version, f *fields, k *Key) { f.headers = f.headers[:1] },
		func(v *version, f *fields, k *Key) { f.tags[1] = "v" },
		func(v *version, f *fields, k *Key) { f.tags = f.tags[:1] },
		func(v *version, f *fields, k *Key) { f.headers, f.tags = nil, []string{"a", "b", "c", "d", "t", "u"} },
	} {
		for lane, n := range sum(change) {
			if at, found := seen[n]; found {
				t.Errorf("change %d, number %d: as that of change %d", i, lane, at)
			}
			seen[n] = i
		}
	}
}
