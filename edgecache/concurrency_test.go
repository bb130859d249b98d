package edgecache

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// TestEverythingAtOnce runs the loop, commits elsewhere, and requests beside each other: no
// request that begins after Apply of a purge returned sees what it killed, nor older versions
// after newer ones, nor a torn body; also while bundle files vanish.
func TestEverythingAtOnce(t *testing.T) {
	o, h := newHistory(t, 8, 120)
	cfg := o.config(t.TempDir())
	cfg.MaxBytes = 400_000 // evicts now and then
	cfg.RetryAfter = 1     // nanosecond: what was lost again is wanted at once
	e := openEdge(t, o, cfg)

	version := versions(h)
	var floors [crashKeys]atomic.Uint64
	commits, done := make(chan uint64, len(h)), make(chan struct{})
	var committer, readers sync.WaitGroup
	committer.Go(func() {
		for sequence := range commits {
			if err := e.Commit(sequence)[0]; err != nil && err != ErrUnknown && !errors.Is(err, errVanished) {
				t.Error(err)
			}
		}
	})
	for reader := range 2 {
		readers.Go(func() { read(t, e, reader, version, &floors, done) })
	}
	for _, m := range h {
		e.apply(m)
		for _, s := range m.entry.Purge {
			var k int
			if _, err := fmt.Sscanf(s.Key.Path, "/%d", &k); err != nil {
				t.Fatal(err)
			}
			floors[k].Store(m.sequence())
		}
		if m.entry.Publish != nil {
			e.blocks(m)
		}
		for _, sequence := range e.Ready() {
			commits <- sequence
		}
		if m.sequence()%7 == 0 {
			e.State()
			for _, w := range e.Wanted(10) {
				e.blocks(h[w.Sequence-1])
			}
		}
		if entries, err := os.ReadDir(e.disk.dir); err == nil && m.sequence()%3 == 0 && len(entries) > 0 {
			_ = os.Remove(e.disk.dir + "/" + entries[int(m.sequence())%len(entries)].Name()) // or it was evicted
		}
	}
	close(commits)
	committer.Wait()
	for range len(h) { // what found no place because commits were behind finds it now
		e.bringWanted(h, true)
	}
	close(done)
	readers.Wait()
	if s := e.State(); s.Mark != uint64(len(h)) || s.Complete != uint64(len(h)) || len(s.Failed) > 0 {
		t.Errorf("state: %+v", s)
	}
	if s := e.Stats(); s.Bytes > cfg.MaxBytes || s.RequestsHit == 0 || s.BundlesDropped == 0 {
		t.Errorf("%+v", s)
	}
}

// versions returns which version a body of a path is, by both in one string.
func versions(h []*made) map[string]uint64 {
	version := map[string]uint64{}
	for _, m := range h {
		for _, b := range m.bodies {
			version[b.key.Path+string(b.bytes)] = m.sequence()
		}
	}
	return version
}

// blocks brings the blocks of a bundle for as long as the cache takes them.
func (e *edge) blocks(m *made) {
	if e.Begin(m.sequence(), m.part.OTI()) != nil {
		return
	}
	for sbn := range m.part.Blocks() {
		if e.incoming[m.sequence()] == nil {
			return
		}
		e.receive(m, sbn)
	}
}

// read asks for random keys until done.
func read(t *testing.T, e *edge, reader int, version map[string]uint64, floors *[crashKeys]atomic.Uint64, done chan struct{}) {
	rng := rand.New(rand.NewPCG(uint64(reader), 6))
	handler := e.Handler()
	var seen [crashKeys]uint64
	for {
		select {
		case <-done:
			return
		default:
		}
		k := rng.IntN(crashKeys)
		path, floor := fmt.Sprint("/", k), floors[k].Load()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, at(path), nil))
		e.Stats()
		if w.Code != 200 {
			if w.Code != 404 && w.Code != 503 {
				t.Errorf("%s: %d", path, w.Code)
			}
			continue
		}
		body, err := io.ReadAll(w.Body)
		if err != nil {
			t.Error(err)
		}
		v, ok := version[path+string(body)]
		if !ok || v < floor || v < seen[k] {
			t.Errorf("%s: version %d (known: %t), %d bytes; floor %d, seen %d", path, v, ok, len(body), floor, seen[k])
			return
		}
		seen[k] = v
	}
}
