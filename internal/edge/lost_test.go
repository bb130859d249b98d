package edge

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fanfare/control"
	"fanfare/edgecache"
	"fanfare/fec"
	"fanfare/internal/mcast"
	"fanfare/internal/session"
	"fanfare/internal/wire"
	"fanfare/receiver"
)

// publish returns a signed entry that publishes /a, in a bundle of one block, and verifies it.
func (s signer) publish(t *testing.T, body []byte) entry {
	t.Helper()
	objects := []control.Object{{Key: control.Key{Path: "/a"}, Length: uint64(len(body)), Digest: control.Sum(body)}}
	layout, err := control.Arrange(objects, fec.OTI{SymbolLength: 64, MaxBlock: 20, MaxSymbols: 40}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	m := &control.Manifest{Objects: objects, Digests: []control.Hash{control.Sum(body)}}
	manifest, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := control.Sign(&control.Entry{
		Kind: control.KindPublish, Channel: testChannel, Generation: control.Generation{Order: 1, Random: 1}, Sequence: 1,
		Publish: &control.Publish{OTI: layout.OTI, Manifest: manifest, Objects: 1, Bytes: uint64(len(body))},
	}, s.key)
	if err != nil {
		t.Fatal(err)
	}
	e, err := control.Open(raw, s.public)
	if err != nil {
		t.Fatal(err)
	}
	return entry{raw: raw, Entry: e}
}

// losing is an edge that one bundle, of one block, is for, and whose loop stands still: a test does what it does.
type losing struct {
	t     *testing.T
	edge  *Edge
	cache *edgecache.Cache
	loop  *loop
	body  []byte
}

// newLosing returns an edge to which the bundle's entry has come.
func newLosing(t *testing.T) *losing {
	origin, body := newSigner(t), bytes.Repeat([]byte("text"), 100)
	c := testConfig(t)
	c.Session = testSession(t, func(s *session.Session) { s.PublicKey = session.PublicKey(origin.public) })
	e, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.close)
	cache, err := edgecache.Open(edgecache.Config{
		Dir: c.Dir, Channel: testChannel, Generation: e.generation, Key: ed25519.PublicKey(origin.public), Log: c.Log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cache.Close() })
	if err := e.join(); err != nil {
		t.Fatal(err)
	}
	engine, err := receiver.New(e.engineConfig(), e.random(engineStream), mcast.NewClock().Now())
	if err != nil {
		t.Fatal(err)
	}
	l := newLoop(e, cache, engine, e.newWorkers(cache))
	cache.SetReady(true)
	l.apply(l.clock.Now(), origin.publish(t, body))
	return &losing{t, e, cache, l, body}
}

// wantAnswer asks for what is in the bundle.
func (x *losing) wantAnswer(want int) {
	x.t.Helper()
	w := httptest.NewRecorder()
	x.cache.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://edge.example/a", nil))
	if w.Code != want || want == http.StatusOK && !bytes.Equal(w.Body.Bytes(), x.body) {
		x.t.Fatalf("%d, %d bytes, want %d", w.Code, w.Body.Len(), want)
	}
}

// wantReport wants the next report to say that entries up to complete are served.
func (x *losing) wantReport(complete uint64) {
	x.t.Helper()
	if err := x.cache.Harden(); err != nil {
		x.t.Fatal(err)
	}
	var r wire.Report
	x.loop.fillReport(&r)
	if r.Mark != 1 || r.Newest != 1 || r.Complete != complete || len(r.Done)+len(r.Failed) > 0 {
		x.t.Errorf("%+v, want complete %d", r, complete)
	}
}

// bring has the bundle's block come, and wants it to be served and reported.
func (x *losing) bring() {
	x.t.Helper()
	l, now, toi := x.loop, x.loop.clock.Now(), wire.DataTOI(1)
	if err := x.cache.StoreBlock(1, 0, x.body); err != nil {
		x.t.Fatal(err)
	}
	if !l.engine.Supply(now, toi, 0) {
		x.t.Fatal("the engine does not hold the bundle")
	}
	l.events(now)
	l.settle(now)
	l.committed(now, commitDone{l.commits, x.cache.Commit(l.commits...)})
	l.commits = nil
	l.reconcile(now)
	x.wantAnswer(http.StatusOK)
	x.wantReport(1)
	if _, held := l.engine.Object(toi); held || len(l.bundles) != 0 {
		x.t.Errorf("a complete bundle is on its way: %v", l.bundles)
	}
}

// lose removes the bundle's file, and wants a request to find that out, and the loop to be told.
func (x *losing) lose() {
	x.t.Helper()
	l := x.loop
	l.hardening = newHardening()
	if err := os.Remove(filepath.Join(x.edge.cfg.Dir, "bundles", "1")); err != nil {
		x.t.Fatal(err)
	}
	x.wantAnswer(http.StatusServiceUnavailable)
	now := l.clock.Now()
	l.takeLost(now)
	if !l.dirty || l.hardening.next() > now || !l.hardening.news {
		x.t.Error("the loop has nothing to do, or to tell")
	}
	x.wantReport(0)
	l.reconcile(now)
}

// TestLostBundleIsExpectedAgain loses the file of a bundle that is served: the loop has it come again, and the next
// report says that it is missing, until it is back.
func TestLostBundleIsExpectedAgain(t *testing.T) {
	x := newLosing(t)
	x.wantReport(0)
	x.bring()
	x.lose()
	if info, held := x.loop.engine.Object(wire.DataTOI(1)); !held || info.OTI.TransferLength != uint64(len(x.body)) {
		t.Fatalf("the engine expects %+v, %v", info, held)
	}
	x.wantAnswer(http.StatusServiceUnavailable)
	x.bring()
	x.lose()
	if len(x.loop.bundles) != 0 {
		t.Errorf("a bundle that was lost twice does not wait: %v", x.loop.bundles)
	}
	if s := x.cache.Stats(); s.BundlesLost != 2 {
		t.Errorf("%+v", s)
	}
}

// TestCacheIsOpenBeforeTheGroupIsJoined: what came meanwhile would only overflow the socket.
func TestCacheIsOpenBeforeTheGroupIsJoined(t *testing.T) {
	c := testConfig(t)
	var log bytes.Buffer
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	if err := run(t, c); err != nil {
		t.Fatal(err)
	}
	opened, joined := strings.Index(log.String(), `msg="cache opened"`), strings.Index(log.String(), "msg=joined")
	if opened < 0 || joined < opened {
		t.Errorf("log:\n%s", &log)
	}
}

// A lost bundle for which there is no place any more is reported as failed, and not only as missing.
func TestLostBundleFails(t *testing.T) {
	x := newLosing(t)
	x.bring()
	path := filepath.Join(x.edge.cfg.Dir, "bundles", "1")
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o755)); err != nil {
		t.Fatal(err)
	}
	x.wantAnswer(http.StatusServiceUnavailable)
	l, now := x.loop, x.loop.clock.Now()
	l.takeLost(now)
	x.wantReport(0)
	l.hardening = newHardening()
	if err := os.Mkdir(path, 0o755); err != nil { // what was there has been removed
		t.Fatal(err)
	}
	l.reconcile(now)
	if l.hardening.next() > now || !l.hardening.news {
		t.Error("nobody is told")
	}
	if err := x.cache.Harden(); err != nil {
		t.Fatal(err)
	}
	var r wire.Report
	l.fillReport(&r)
	if len(r.Failed) != 1 || r.Failed[0].Sequence != 1 {
		t.Errorf("%+v", r)
	}
}
