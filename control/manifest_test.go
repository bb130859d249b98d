package control

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"fanfare/fec"
	"pgregory.net/rapid"
)

func TestManifestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var objects []Object
		for i := range rapid.IntRange(1, 40).Draw(t, "objects") {
			o := Object{
				Key:    Key{rapid.SampledFrom(modelHosts).Draw(t, "host"), fmt.Sprintf("/%d", i)},
				Length: rapid.Uint64Range(0, 3000).Draw(t, "length"), Digest: Hash{byte(i)},
			}
			if rapid.Bool().Draw(t, "headers") {
				o.Headers = []Header{{"content-type", rapid.SampledFrom([]string{"a/b", "c/d"}).Draw(t, "type")}}
			}
			if rapid.Bool().Draw(t, "tags") {
				o.Tags = []string{rapid.SampledFrom(modelTags).Draw(t, "tag")}
			}
			objects = append(objects, o)
		}
		oti := fec.OTI{SymbolLength: uint16(64 * rapid.IntRange(1, 30).Draw(t, "E")), MaxBlock: uint16(rapid.IntRange(1, 200).Draw(t, "B")), MaxSymbols: 255}
		layout, err := Arrange(objects, oti, rapid.IntRange(0, 3000).Draw(t, "inline"))
		if err != nil {
			t.Fatal(err)
		}
		m := &Manifest{Objects: objects}
		for i := layout.ManifestBlocks; i < layout.Blocks; i++ {
			m.Digests = append(m.Digests, Hash{byte(i)})
		}
		b, err := m.Encode()
		if err != nil || uint64(len(b)) != layout.ManifestLength {
			t.Fatalf("%d bytes, layout %+v, %v", len(b), layout, err)
		}
		p := &Publish{OTI: layout.OTI, ManifestLength: layout.ManifestLength, Objects: uint32(len(objects))}
		if layout.Inline {
			p.Manifest, p.ManifestLength = b, 0
		}
		for _, o := range objects {
			p.Bytes += o.Length
		}
		if got, err := p.Layout(); err != nil || got != layout {
			t.Fatalf("%+v became %+v, %v", layout, got, err)
		}
		got, err := DecodeManifest(b, p)
		if err != nil || !reflect.DeepEqual(got.Objects, m.Objects) || !reflect.DeepEqual(got.Digests, m.Digests) {
			t.Fatalf("%+v became %+v, %v", m, got, err)
		}
		if rows, err := DecodeRows(got.AppendRows(nil, b)); err != nil || !reflect.DeepEqual(rows, m.Objects) {
			t.Fatalf("%+v became %+v, %v", m.Objects, rows, err)
		}
		cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut")
		if _, err := DecodeManifest(b[:cut], p); err == nil {
			t.Fatal("a manifest cut short")
		}
	})
}

// What a publisher gave is named as that: no one published a manifest.
func TestObjectErrors(t *testing.T) {
	for _, o := range []Object{
		{Headers: []Header{{"Content-Type", "a"}}}, {Headers: []Header{{"x", "\n"}}}, {Headers: make([]Header, MaxHeaders+1)},
		{Headers: []Header{{"x", strings.Repeat("a", MaxHeaderBytes)}}}, {Tags: []string{""}}, {Tags: make([]string, MaxTags+1)},
	} {
		o.Key = Key{Path: "/a"}
		if err := o.Validate(); !errors.Is(err, ErrManifest) || strings.Contains(err.Error(), "manifest") || !strings.HasPrefix(err.Error(), "control: the") {
			t.Error(err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	good := func() []Object {
		return []Object{{Key: Key{Path: "/a"}, Length: 10}, {Key: Key{Path: "/b"}, Offset: 10, Length: 5}}
	}
	for _, test := range []struct {
		name   string
		change func(o []Object)
		want   error
	}{
		{"overlap", func(o []Object) { o[1].Offset = 9 }, ErrManifest},
		{"order", func(o []Object) { o[0].Offset = 20 }, ErrManifest},
		{"overflow", func(o []Object) { o[1].Length = 1<<64 - 5 }, ErrManifest},
		{"offset", func(o []Object) { o[1].Offset = 1<<64 - 5 }, ErrManifest},
		{"same key", func(o []Object) { o[1].Key = o[0].Key }, ErrManifest},
		{"key", func(o []Object) { o[1].Key.Path = "a" }, ErrKey},
		{"host", func(o []Object) { o[1].Key.Host = "H" }, ErrKey},
		{"header name", func(o []Object) { o[1].Headers = []Header{{"Content-Type", "a"}} }, ErrManifest},
		{"header with a line end", func(o []Object) { o[1].Headers = []Header{{"x", "a\r\nb"}} }, ErrManifest},
		{"headers too long", func(o []Object) { o[1].Headers = []Header{{"x", strings.Repeat("a", MaxHeaderBytes)}} }, ErrManifest},
		{"too many headers", func(o []Object) { o[1].Headers = make([]Header, MaxHeaders+1) }, ErrManifest},
		{"tag", func(o []Object) { o[1].Tags = []string{"a b"} }, ErrManifest},
		{"too many tags", func(o []Object) { o[1].Tags = make([]string, MaxTags+1) }, ErrManifest},
		{"too near to the manifest", func(o []Object) { o[0].Offset, o[1].Offset = 64, 80 }, ErrManifest},
	} {
		objects := good()
		test.change(objects)
		if _, err := (&Manifest{Objects: objects}).Encode(); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if _, err := (&Manifest{Objects: good()}).Encode(); err != nil {
		t.Error(err)
	}
	if _, err := (&Manifest{}).Encode(); !errors.Is(err, ErrManifest) {
		t.Error(err)
	}
	if _, err := Arrange([]Object{{Length: 1 << 47}, {Length: 1 << 47}}, testOTI, 0); !errors.Is(err, ErrManifest) {
		t.Error(err)
	}
}

// What signed and verified bytes say is checked all the same.
func TestDecodeManifestRefuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(p *Publish, w *writer) // writes what follows the tables
		want   error
	}{
		{"fine", func(p *Publish, w *writer) { w.sampleObject(0, 0, 10, 0); w.end(0) }, nil},
		{"outside", func(p *Publish, w *writer) { w.sampleObject(0, 1, 10, 0); w.end(0) }, ErrCodec},
		{"overflow", func(p *Publish, w *writer) { w.sampleObject(0, 1<<64-1, 10, 0); w.end(0) }, ErrCodec},
		{"longer", func(p *Publish, w *writer) { w.sampleObject(0, 0, 1<<63, 0); w.end(0) }, ErrCodec},
		{"host", func(p *Publish, w *writer) { w.sampleObject(1, 0, 10, 0); w.end(0) }, ErrCodec},
		{"headers", func(p *Publish, w *writer) { w.sampleObject(0, 0, 10, 1); w.end(0) }, ErrCodec},
		{"padding", func(p *Publish, w *writer) { w.sampleObject(0, 0, 10, 0); w.hashes([]Hash{{}}); w.bytes([]byte{1}) }, ErrCodec},
		{"left over", func(p *Publish, w *writer) { w.sampleObject(0, 0, 10, 0); w.end(0); w.int(0) }, ErrCodec},
		{"digests", func(p *Publish, w *writer) { w.sampleObject(0, 0, 10, 0); w.end(1) }, ErrManifest},
		{"half a digest", func(p *Publish, w *writer) { w.sampleObject(0, 0, 10, 0); w.bytes(make([]byte, 33)); w.bytes(nil) }, ErrCodec},
		{"bytes", func(p *Publish, w *writer) { w.sampleObject(0, 0, 9, 0); w.end(0) }, ErrManifest},
		{"objects", func(p *Publish, w *writer) { p.Objects = 2; w.sampleObject(0, 0, 10, 0); w.end(0) }, ErrManifest},
	} {
		p := &Publish{OTI: testOTI, Objects: 1, Bytes: 10}
		p.OTI.TransferLength = 10
		w := newWriter(nil)
		w.array(manifestParts)
		w.uint(codecVersion)
		w.array(1)
		w.string("h")
		w.array(1)
		w.headers(nil)
		w.array(1)
		w.tags(nil)
		w.array(1)
		test.change(p, w)
		p.Manifest = w.b
		if _, err := DecodeManifest(w.b, p); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	// An array that claims more than there is must not be allocated for.
	p := &Publish{OTI: testOTI, Manifest: []byte{0x97, 1, 0xdd, 0xff, 0xff, 0xff, 0xff}, Objects: 1}
	if _, err := DecodeManifest(p.Manifest, p); !errors.Is(err, ErrCodec) {
		t.Error(err)
	}
}

func (w *writer) sampleObject(host int, gap, length uint64, header int) {
	w.array(objectParts)
	w.uint(uint64(host))
	w.string("/a")
	w.uint(gap)
	w.uint(length)
	w.hash(Hash{})
	w.uint(uint64(header))
	w.uint(0)
}

func (w *writer) end(more int) {
	w.hashes(make([]Hash, 1+more))
	w.bytes(nil)
}

func FuzzDecodeManifest(f *testing.F) {
	for _, inline := range []bool{true, false} {
		_, m := testBundle(f, inline, Object{Key: Key{"h", "/a"}, Length: 300, Tags: []string{"t"}}, Object{Key: Key{"", "/b"}, Headers: []Header{{"a", "b"}}})
		b, _ := m.Encode()
		f.Add(b, uint64(300), uint32(2), uint64(300), inline)
	}
	f.Fuzz(func(t *testing.T, b []byte, length uint64, objects uint32, bytes uint64, inline bool) {
		p := &Publish{OTI: testOTI, Objects: objects, Bytes: bytes, ManifestLength: uint64(len(b))}
		p.OTI.TransferLength = length
		if inline {
			p.Manifest, p.ManifestLength = b, 0
		} else if length < 1<<40 {
			p.OTI.TransferLength += alignUp(uint64(len(b)))
		}
		m, err := DecodeManifest(b, p)
		if err != nil {
			return
		}
		layout, _ := p.Layout()
		end := layout.Bodies
		for _, o := range m.Objects {
			if o.Offset < end || o.Offset+o.Length > p.OTI.TransferLength || o.Validate() != nil {
				t.Fatalf("%+v in %+v", o, layout)
			}
			end = o.Offset + o.Length
		}
	})
}
