package edgecache

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"fanfare/control"
	"fanfare/fec"
)

// An origin makes entries and bundles as a real one would.
type origin struct {
	t        testing.TB
	key      ed25519.PrivateKey
	gen      control.Generation
	sequence uint64
	previous control.Hash
	inline   int
	// oti has E, the largest block and n of the bundles it makes.
	oti fec.OTI
}

func newOrigin(t testing.TB) *origin {
	return &origin{
		t: t, key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)), gen: control.Generation{Order: 1, Random: 99},
		oti: fec.OTI{SymbolLength: 64, MaxBlock: 8, MaxSymbols: 20},
	}
}

// body is an object to be published.
type body struct {
	key     control.Key
	bytes   []byte
	headers []control.Header
	tags    []string
}

func file(path, text string) body {
	return body{key: control.Key{Path: path}, bytes: []byte(text)}
}

// random returns n bytes that depend on the seed.
func random(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// made is an entry as sent, and the bundle that it announces, if it does.
type made struct {
	entry  *control.Entry
	raw    []byte
	bytes  []byte
	part   fec.Partition
	bodies []body
}

func (m *made) sequence() uint64 { return m.entry.Sequence }

const testTime = 1_700_000_000_000

func (o *origin) sign(e *control.Entry) *made {
	o.t.Helper()
	o.sequence++
	e.Channel, e.Generation, e.Sequence, e.Previous, e.Time = 5, o.gen, o.sequence, o.previous, testTime
	raw, err := control.Sign(e, o.key)
	if err != nil {
		o.t.Fatal(err)
	}
	o.previous = control.HashEntry(raw)
	opened, err := control.Open(raw, o.key.Public().(ed25519.PublicKey))
	if err != nil {
		o.t.Fatal(err)
	}
	return &made{entry: opened, raw: raw}
}

func (o *origin) publish(bodies ...body) *made {
	o.t.Helper()
	objects := make([]control.Object, len(bodies))
	total := 0
	for i, b := range bodies {
		objects[i] = control.Object{Key: b.key, Length: uint64(len(b.bytes)), Digest: control.Sum(b.bytes), Headers: b.headers, Tags: b.tags}
		total += len(b.bytes)
	}
	layout, err := control.Arrange(objects, o.oti, o.inline)
	if err != nil {
		o.t.Fatal(err)
	}
	bundle := make([]byte, layout.OTI.TransferLength)
	for i, b := range bodies {
		copy(bundle[objects[i].Offset:], b.bytes)
	}
	part, err := layout.OTI.Partition()
	if err != nil {
		o.t.Fatal(err)
	}
	digest := func(sbn uint32) control.Hash {
		return control.Sum(bundle[part.Offset(sbn):][:part.Length(sbn)])
	}
	m := &control.Manifest{Objects: objects}
	for sbn := layout.ManifestBlocks; sbn < layout.Blocks; sbn++ {
		m.Digests = append(m.Digests, digest(sbn))
	}
	encoded, err := m.Encode()
	if err != nil {
		o.t.Fatal(err)
	}
	p := &control.Publish{OTI: layout.OTI, Objects: uint32(len(bodies)), Bytes: uint64(total)}
	if layout.Inline {
		p.Manifest = encoded
	} else {
		p.ManifestLength = layout.ManifestLength
		copy(bundle, encoded)
		for sbn := range layout.ManifestBlocks {
			p.ManifestDigests = append(p.ManifestDigests, digest(sbn))
		}
	}
	made := o.sign(&control.Entry{Kind: control.KindPublish, Publish: p})
	made.bytes, made.part = bundle, part
	return made
}

func (o *origin) purge(selectors ...control.Selector) *made {
	o.t.Helper()
	return o.sign(&control.Entry{Kind: control.KindPurge, Purge: selectors})
}

func purgeAll() control.Selector { return control.Selector{Kind: control.SelectAll} }

func purgeKey(path string) control.Selector {
	return control.Selector{Kind: control.SelectKey, Key: control.Key{Path: path}}
}

// symbol returns one encoding symbol of a bundle.
func (m *made) symbol(t testing.TB, sbn uint32, esi int) []byte {
	t.Helper()
	oti := m.part.OTI()
	e, k := int(oti.SymbolLength), m.part.SourceSymbols(sbn)
	padded := make([]byte, k*e)
	copy(padded, m.bytes[m.part.Offset(sbn):][:m.part.Length(sbn)])
	if esi < k {
		return padded[esi*e:][:e]
	}
	source := make([][]byte, k)
	for i := range source {
		source[i] = padded[i*e:][:e]
	}
	encoder, err := fec.NewEncoder(k, int(oti.MaxSymbols), e)
	if err != nil {
		t.Fatal(err)
	}
	repair := [][]byte{make([]byte, e)}
	if err := encoder.Encode(source, esi, repair); err != nil {
		t.Fatal(err)
	}
	return repair[0]
}

// An edge is a cache under test, with the loop's verbs.
type edge struct {
	t testing.TB
	*Cache
	origin *origin
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func (o *origin) config(dir string) Config {
	return Config{
		Dir: dir, Name: "e1", Channel: 5, Generation: o.gen, Key: o.key.Public().(ed25519.PublicKey),
		ReserveBytes: -1, Log: quiet(),
	}
}

func openEdge(t testing.TB, o *origin, cfg Config) *edge {
	t.Helper()
	return openEdgeOn(t, o, cfg, system{})
}

func openEdgeOn(t testing.TB, o *origin, cfg Config, under system) *edge {
	t.Helper()
	c, err := open(cfg, under)
	if err != nil {
		t.Fatal(err)
	}
	c.SetReady(true)
	e := &edge{t, c, o}
	t.Cleanup(func() {
		if e.Cache != nil {
			e.close()
		}
	})
	return e
}

func (e *edge) close() {
	e.t.Helper()
	if err := e.Cache.Close(); err != nil {
		e.t.Error(err)
	}
	e.Cache = nil
}

// reopen closes the cache and opens it again.
func (e *edge) reopen() {
	e.t.Helper()
	cfg := e.cfg
	e.close()
	c, err := Open(cfg)
	if err != nil {
		e.t.Fatal(err)
	}
	c.SetReady(true)
	e.Cache = c
}

func (e *edge) apply(m ...*made) {
	e.t.Helper()
	for _, m := range m {
		if err := e.Apply(m.raw, m.entry); err != nil {
			e.t.Fatal(err)
		}
	}
}

// receive brings the source symbols of blocks, all of them if none is named.
func (e *edge) receive(m *made, blocks ...uint32) {
	e.t.Helper()
	if err := e.Begin(m.sequence(), m.part.OTI()); err != nil {
		e.t.Fatal(err)
	}
	if len(blocks) == 0 {
		for sbn := range m.part.Blocks() {
			blocks = append(blocks, sbn)
		}
	}
	for _, sbn := range blocks {
		for esi := range m.part.SourceSymbols(sbn) {
			if err := e.Symbol(m.sequence(), sbn, esi, m.symbol(e.t, sbn, esi)); err != nil {
				e.t.Fatalf("symbol %d of block %d: %v", esi, sbn, err)
			}
		}
		if err := e.FinishBlock(m.sequence(), sbn); err != nil {
			e.t.Fatalf("block %d: %v", sbn, err)
		}
	}
}

// commit commits what is ready, and wants it to be these.
func (e *edge) commit(want ...*made) {
	e.t.Helper()
	ready := e.Ready()
	if len(ready) != len(want) {
		e.t.Fatalf("ready: %v, want %d bundles", ready, len(want))
	}
	for i, sequence := range ready {
		if sequence != want[i].sequence() {
			e.t.Fatalf("ready: %v, want %d at %d", ready, want[i].sequence(), i)
		}
		if err := e.Commit(sequence)[0]; err != nil {
			e.t.Fatal(err)
		}
	}
}

// deliver brings an entry and its bundle, and commits it.
func (e *edge) deliver(m *made) {
	e.t.Helper()
	e.apply(m)
	e.receive(m)
	e.commit(m)
}

func (e *edge) get(url string, header ...string) *http.Response {
	e.t.Helper()
	return e.do(http.MethodGet, url, header...)
}

func (e *edge) do(method, url string, header ...string) *http.Response {
	e.t.Helper()
	r := httptest.NewRequest(method, url, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, r)
	return w.Result()
}

// answer returns status and body of a GET.
func (e *edge) answer(url string) (status int, body string) {
	e.t.Helper()
	r := e.get(url)
	read, err := io.ReadAll(r.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return r.StatusCode, string(read)
}

// want checks status and body of a GET. An error status has any body.
func (e *edge) want(url string, status int, text string) {
	e.t.Helper()
	if answer, got := e.answer(url); answer != status || status == 200 && got != text {
		e.t.Fatalf("GET %s: %d, %d bytes %.40q; want %d, %d bytes %.40q", url, answer, len(got), got, status, len(text), text)
	}
}

// clock replaces the cache's clock.
func (e *edge) clock(at time.Time) { e.now = func() time.Time { return at } }

func at(path string) string { return fmt.Sprintf("http://edge.example%s", path) }
