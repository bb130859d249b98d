package edgecache

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// ways in which a bundle file is lost.
var ways = []struct {
	name string
	lose func(path string) error
	// kept is how many blocks of 512 bytes the next Open finds of 2,000 bytes.
	kept uint64
}{
	{"removed", os.Remove, 0},
	{"emptied", func(path string) error { return os.Truncate(path, 0) }, 0},
	{"cut short", func(path string) error { return os.Truncate(path, 1100) }, 2},
	{"replaced by a shorter one", func(path string) error {
		if err := os.Remove(path); err != nil {
			return err
		}
		return os.WriteFile(path, []byte("short"), 0o644)
	}, 0},
}

// lossy returns an edge with three bundles, of which the second is going to be lost.
func lossy(t *testing.T, inline int, under system) (o *origin, e *edge, m []*made, text []string, log *bytes.Buffer) {
	t.Helper()
	o = newOrigin(t)
	o.inline = inline
	cfg := o.config(t.TempDir())
	log = new(bytes.Buffer)
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	e = openEdgeOn(t, o, cfg, under)
	for i := range 3 {
		text = append(text, string(random(uint64(i), 2000)))
		m = append(m, o.publish(file(fmt.Sprint("/", i+1), text[i])))
		e.deliver(m[i])
	}
	if s := e.State(); s.Mark != 3 || s.Complete != 3 {
		t.Fatalf("state: %+v", s)
	}
	return o, e, m, text, log
}

// wantLost checks that the second bundle is incomplete to everybody, and comes again.
func (e *edge) wantLost(m []*made, text []string) {
	e.t.Helper()
	e.want(at("/1"), 200, text[0])
	e.want(at("/2"), 503, "")
	if s := e.get(at("/2")).Header.Get("Cache-Status"); s != "e1;fwd=miss;detail=incomplete" {
		e.t.Errorf("Cache-Status: %s", s)
	}
	e.want(at("/3"), 200, text[2])
	if s := e.State(); s.Mark != 3 || s.Complete != 1 || !slices.Equal(s.Done, []SequenceRange{{3, 3}}) || len(s.Failed) != 0 {
		e.t.Errorf("state: %+v", s)
	}
	if w := e.Wanted(9); len(w) != 1 || w[0] != (Wanted{2, m[1].part.OTI()}) {
		e.t.Errorf("wanted: %v", w)
	}
}

// mend brings what is missing of the second bundle.
func (e *edge) mend(m []*made, text []string) {
	e.t.Helper()
	if err := e.bringRest(m[1]); err != nil {
		e.t.Fatal(err)
	}
	for range 2 {
		for i := range m {
			e.want(at(fmt.Sprint("/", i+1)), 200, text[i])
		}
		if s := e.State(); s.Complete != 3 || len(s.Done)+len(s.Progress) != 0 || len(e.Wanted(9)) != 0 {
			e.t.Errorf("state: %+v", s)
		}
		if s := e.Stats(); s.Bundles != 3 || s.BundlesFailed != 0 {
			e.t.Errorf("%+v", s)
		}
		e.reopen()
	}
}

func TestLostWhileClosed(t *testing.T) {
	for _, inline := range []int{0, 4000} {
		for _, way := range ways {
			t.Run(fmt.Sprint(way.name, " ", inline), func(t *testing.T) {
				_, e, m, text, log := lossy(t, inline, system{})
				before := e.State()
				cfg := e.cfg
				e.close()
				path := fmt.Sprint(cfg.Dir, "/bundles/2")
				if err := way.lose(path); err != nil {
					t.Fatal(err)
				}
				e = openEdge(t, e.origin, cfg)
				e.wantLost(m, text)
				if s := e.State(); s.Digest != before.Digest {
					t.Error("another digest of the rows")
				}
				if n := strings.Count(log.String(), "bundle file lost"); n != 1 || !strings.Contains(log.String(), "sequence=2") {
					t.Errorf("log: %s", log)
				}
				if s := e.Stats(); s.BundlesLost != 1 || inline > 0 && s.BlocksResumed != way.kept {
					t.Errorf("%+v, want %d blocks", s, way.kept)
				}
				e.reopen() // it is told once
				e.wantLost(m, text)
				if n := strings.Count(log.String(), "bundle file lost"); n != 1 {
					t.Errorf("log: %s", log)
				}
				e.mend(m, text)
			})
		}
	}
}

// A file that is longer than it should be has all that is needed.
func TestTooLongWhileClosed(t *testing.T) {
	_, e, m, text, _ := lossy(t, 4000, system{})
	cfg := e.cfg
	e.close()
	if err := os.Truncate(fmt.Sprint(cfg.Dir, "/bundles/2"), 5000); err != nil {
		t.Fatal(err)
	}
	e = openEdge(t, e.origin, cfg)
	e.mend(m, text)
	if s := e.Stats(); s.BlocksWritten != 0 {
		t.Errorf("%+v", s)
	}
}

func TestLostWhileServing(t *testing.T) {
	for _, inline := range []int{0, 4000} {
		for _, open := range []bool{false, true} {
			for i, way := range ways {
				if inline == 0 && i > 0 {
					break // the same as with an inline manifest
				}
				t.Run(fmt.Sprint(way.name, " ", inline, open), func(t *testing.T) {
					_, e, m, text, log := lossy(t, inline, system{})
					if open {
						e.want(at("/2"), 200, text[1])
					}
					if e.Lost() {
						t.Error("lost before")
					}
					if err := way.lose(e.disk.path(2)); err != nil {
						t.Fatal(err)
					}
					e.wantLost(m, text)
					if !e.Lost() || e.Lost() {
						t.Error("not told to the loop, or twice")
					}
					if n := strings.Count(log.String(), "bundle file lost"); n != 1 {
						t.Errorf("log: %s", log)
					}
					e.wantFiles("1", "3")
					e.mend(m, text)
				})
			}
		}
	}
}

// Whoever reads a file when it is cut short gets no byte of what is written when it comes again.
func TestLostUnderAReader(t *testing.T) {
	_, e, m, text, _ := lossy(t, 4000, system{})
	reader, err := e.disk.files.acquire(2)
	if err != nil {
		t.Fatal(err)
	}
	defer e.disk.files.release(reader)
	if err := os.Truncate(e.disk.path(2), 100); err != nil {
		t.Fatal(err)
	}
	e.wantLost(m, text)
	e.receive(m[1], 1, 2)
	if n, err := reader.ReadAt(make([]byte, 2000), 0); n != 100 || err != io.EOF {
		t.Errorf("read %d bytes, %v", n, err)
	}
	e.mend(m, text)
}

// cutter is a ResponseWriter that cuts a file short once the head is written.
type cutter struct {
	http.ResponseWriter
	cut func()
}

func (c *cutter) WriteHeader(code int) {
	c.cut()
	c.ResponseWriter.WriteHeader(code)
}

// A file that turns out short while it is sent is lost, too, and the client knows.
func TestLostWhileSending(t *testing.T) {
	for _, ranges := range []string{"", "bytes=10-"} {
		_, e, m, text, _ := lossy(t, 4000, system{})
		once := false
		server := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			e.Handler().ServeHTTP(&cutter{w, func() {
				if !once {
					once = true
					if err := os.Truncate(e.disk.path(2), 100); err != nil {
						t.Error(err)
					}
				}
			}}, r)
		}))
		r, err := http.NewRequest(http.MethodGet, server+"/2", nil)
		if err != nil {
			t.Fatal(err)
		}
		if ranges != "" {
			r.Header.Set("Range", ranges)
		}
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			_, err = io.ReadAll(answer.Body)
			answer.Body.Close()
		}
		if err == nil {
			t.Error("the client took a part for the whole")
		}
		if !e.Lost() {
			t.Fatal("nothing noticed")
		}
		e.wantLost(m, text)
		e.mend(m, text)
	}
}

// A client that goes away does not make a bundle lost.
func TestClientGoesAway(t *testing.T) {
	o := newOrigin(t)
	o.oti.SymbolLength, o.oti.MaxBlock, o.oti.MaxSymbols = 1024, 100, 120
	e := openEdge(t, o, o.config(t.TempDir()))
	text := string(random(1, 8<<20))
	e.deliver(o.publish(file("/a.bin", text)))
	server := newServer(t, e.Handler())
	answer, err := http.Get(server + "/a.bin")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	e.want(at("/a.bin"), 200, text)
	if e.Lost() {
		t.Error("lost")
	}
}

// A bundle that is lost again and again waits longer and longer, so that a disk that keeps nothing does
// not have the origin send for ever.
func TestLostAgain(t *testing.T) {
	_, e, m, text, _ := lossy(t, 4000, system{})
	now := time.Unix(1_800_000_000, 0)
	e.clock(now)
	for i, pause := range []time.Duration{0, DefaultRetryAfter, 2 * DefaultRetryAfter} {
		if err := os.Remove(e.disk.path(2)); err != nil {
			t.Fatal(err)
		}
		e.want(at("/2"), 503, "")
		if s := e.State(); s.Complete != 1 {
			t.Errorf("state: %+v", s)
		}
		if pause > 0 {
			e.clock(now.Add(pause - 1))
			if w := e.Wanted(9); len(w) != 0 {
				t.Errorf("loss %d: wanted %v", i, w)
			}
		}
		now = now.Add(pause)
		e.clock(now)
		e.wantLost(m, text)
		e.receive(m[1])
		e.commit(m[1])
		e.want(at("/2"), 200, text[1])
	}
}

// Lost bundles are subject to the size limit as others are, and evict as others do.
func TestLostAndEvicted(t *testing.T) {
	o := newOrigin(t)
	o.inline = 4000
	cfg := o.config(t.TempDir())
	cfg.MaxBytes = 3000
	e := openEdge(t, o, cfg)
	now := time.Unix(1_800_000_000, 0)
	var m []*made
	for i := range 4 {
		now = now.Add(time.Second)
		e.clock(now)
		m = append(m, o.publish(file(fmt.Sprint("/", i+1), string(random(uint64(i), 1000)))))
		e.deliver(m[i])
	}
	e.wantFiles("2", "3", "4")
	if err := os.Remove(e.disk.path(2)); err != nil {
		t.Fatal(err)
	}
	e.want(at("/2"), 503, "")
	five := o.publish(file("/5", string(random(5, 1000))))
	e.deliver(five) // in the place of the lost one
	e.wantFiles("3", "4", "5")
	if w := e.Wanted(9); len(w) != 1 || w[0].Sequence != 2 {
		t.Fatalf("wanted: %v", w)
	}
	e.receive(m[1])
	e.commit(m[1])
	e.wantFiles("2", "4", "5")
	if w := e.Wanted(9); len(w) != 0 {
		t.Errorf("wanted: %v", w)
	}
	if s := e.State(); s.Complete != 5 || e.Stats().Bytes != 3000 {
		t.Errorf("state: %+v, %+v", s, e.Stats())
	}
}

// What was purged or replaced while it was lost does not come again.
func TestLostAndPurged(t *testing.T) {
	for _, closed := range []bool{false, true} {
		o, e, _, text, _ := lossy(t, 0, system{})
		if err := os.Remove(e.disk.path(2)); err != nil {
			t.Fatal(err)
		}
		if closed {
			e.reopen()
		}
		e.want(at("/2"), 503, "")
		e.apply(o.purge(purgeKey("/2")))
		e.want(at("/2"), 404, "")
		if s := e.State(); s.Complete != 4 || len(e.Wanted(9)) != 0 {
			t.Errorf("state: %+v", s)
		}
		e.reopen()
		e.want(at("/2"), 404, "")
		e.want(at("/3"), 200, text[2])
		if s := e.State(); s.Complete != 4 || len(e.Wanted(9)) != 0 {
			t.Errorf("state: %+v", s)
		}
	}
}

// Of many lost bundles the log names a few.
func TestManyLost(t *testing.T) {
	o := newOrigin(t)
	o.inline = 4000
	cfg := o.config(t.TempDir())
	var log bytes.Buffer
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	e := openEdge(t, o, cfg)
	for i := range 200 {
		e.deliver(o.publish(file(fmt.Sprint("/", i), "text")))
	}
	e.close()
	if err := os.RemoveAll(cfg.Dir + "/bundles"); err != nil {
		t.Fatal(err)
	}
	e = openEdge(t, o, cfg)
	if n := strings.Count(log.String(), "\n"); n > 20 || !strings.Contains(log.String(), "lost=200") {
		t.Errorf("%d lines: %s", n, &log)
	}
	if w := e.Wanted(999); len(w) != 200 || e.State().Complete != 0 {
		t.Errorf("%d wanted, %+v", len(w), e.State())
	}
}

// newServer returns the URL of a server that the test ends.
func newServer(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}
