package edge

import (
	"bytes"
	"context"
	"crypto/ed25519"
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

// TestLostBundleIsExpectedAgain loses the file of a bundle that is served: the loop has it come again, and the next
// report says that it is missing, until it is back.
func TestLostBundleIsExpectedAgain(t *testing.T) {
	origin, body := newSigner(t), bytes.Repeat([]byte("text"), 100)
	c := testConfig(t)
	c.Session = testSession(t, func(s *session.Session) { s.PublicKey = session.PublicKey(origin.public) })
	e, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	cache, err := edgecache.Open(edgecache.Config{
		Dir: c.Dir, Channel: testChannel, Generation: e.generation, Key: ed25519.PublicKey(origin.public), Log: c.Log,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	if err := e.join(); err != nil {
		t.Fatal(err)
	}
	engine, err := receiver.New(e.engineConfig(), e.random(engineStream), mcast.NewClock().Now())
	if err != nil {
		t.Fatal(err)
	}
	l := newLoop(e, cache, engine, e.newWorkers(cache))
	cache.SetReady(true)
	toi := wire.DataTOI(1)

	get := func(want int) {
		t.Helper()
		w := httptest.NewRecorder()
		cache.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://edge.example/a", nil))
		if w.Code != want || want == http.StatusOK && !bytes.Equal(w.Body.Bytes(), body) {
			t.Fatalf("%d, %d bytes, want %d", w.Code, w.Body.Len(), want)
		}
	}
	report := func(complete uint64) {
		t.Helper()
		if err := cache.Harden(); err != nil {
			t.Fatal(err)
		}
		var r wire.Report
		l.fillReport(&r)
		if r.Mark != 1 || r.Newest != 1 || r.Complete != complete || len(r.Done)+len(r.Failed) > 0 {
			t.Errorf("%+v, want complete %d", r, complete)
		}
	}
	bring := func() {
		t.Helper()
		now := l.clock.Now()
		if err := cache.StoreBlock(1, 0, body); err != nil {
			t.Fatal(err)
		}
		if !engine.Supply(now, toi, 0) {
			t.Fatal("the engine does not hold the bundle")
		}
		l.events(now)
		l.settle(now)
		l.committed(now, commitDone{l.commits, cache.Commit(l.commits...)})
		l.commits = nil
		l.reconcile(now)
		get(http.StatusOK)
		report(1)
		if _, held := engine.Object(toi); held || len(l.bundles) != 0 {
			t.Errorf("a complete bundle is on its way: %v", l.bundles)
		}
	}

	l.apply(l.clock.Now(), origin.publish(t, body))
	report(0)
	bring()
	for range 2 {
		l.hardening = newHardening()
		if err := os.Remove(filepath.Join(c.Dir, "bundles", "1")); err != nil {
			t.Fatal(err)
		}
		get(http.StatusServiceUnavailable)
		now := l.clock.Now()
		l.takeLost(now)
		if !l.dirty || l.hardening.next() > now || !l.hardening.news {
			t.Error("the loop has nothing to do, or to tell")
		}
		report(0)
		l.reconcile(now)
		if l.bundles[toi] == nil {
			break // the second time it waits
		}
		if info, held := engine.Object(toi); !held || info.OTI.TransferLength != uint64(len(body)) {
			t.Fatalf("the engine expects %+v, %v", info, held)
		}
		get(http.StatusServiceUnavailable)
		bring()
	}
	if s := cache.Stats(); s.BundlesLost != 2 {
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
