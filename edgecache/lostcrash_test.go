package edgecache

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// After a power loss nothing takes the file that was begun for a lost bundle for the bundle.
func TestPowerLossAfterLoss(t *testing.T) {
	memory := vfs.NewCrashableMem()
	o, e, m, text, _ := lossy(t, 4000, system{index: memory})
	if err := os.Remove(e.disk.path(2)); err != nil {
		t.Fatal(err)
	}
	e.want(at("/2"), 503, "")
	e.receive(m[1], 1) // of which a file remains, as long as the bundle
	crashed := memory.CrashClone(vfs.CrashCloneCfg{})
	cfg := e.cfg
	e.close()
	e = openEdgeOn(t, o, cfg, system{index: crashed})
	e.wantLost(m, text)
	if s := e.Stats(); s.BlocksResumed != 1 || s.BundlesLost != 0 {
		t.Errorf("%+v", s)
	}

	// The same if Open finds it.
	if err := e.bringRest(m[1]); err != nil {
		t.Fatal(err)
	}
	e.want(at("/2"), 200, text[1])
	e.close()
	if err := os.Truncate(cfg.Dir+"/bundles/2", 1100); err != nil {
		t.Fatal(err)
	}
	e = openEdgeOn(t, o, cfg, system{index: crashed})
	e.wantLost(m, text)
	crashed = crashed.CrashClone(vfs.CrashCloneCfg{})
	e.close()
	if info, err := os.Stat(cfg.Dir + "/bundles/2"); err != nil || info.Size() != 2000 {
		t.Fatalf("%v, %v: nothing was at risk", info, err)
	}
	e = openEdgeOn(t, o, cfg, system{index: crashed})
	e.wantLost(m, text)
	if err := e.bringRest(m[1]); err != nil {
		t.Fatal(err)
	}
	e.want(at("/2"), 200, text[1])
}

// What was evicted is not taken for lost, and so not fetched again, even if the power goes at once.
func TestPowerLossAfterEviction(t *testing.T) {
	memory := vfs.NewCrashableMem()
	o := newOrigin(t)
	o.inline = 4000
	cfg := o.config(t.TempDir())
	cfg.MaxBytes = 3000
	e := openEdgeOn(t, o, cfg, system{index: memory})
	for i := range 3 {
		e.deliver(o.publish(file(fmt.Sprint("/", i+1), string(random(uint64(i), 1000)))))
	}
	e.State()
	next := o.publish(file("/4", string(random(4, 1000))))
	e.apply(next)
	e.receive(next, 0)
	e.wantFiles("2", "3", "4")
	memory = memory.CrashClone(vfs.CrashCloneCfg{})
	e.close()
	e = openEdgeOn(t, o, cfg, system{index: memory})
	e.want(at("/1"), 503, "")
	if w := e.Wanted(9); len(w) > 1 || len(w) == 1 && w[0].Sequence != 4 || e.Stats().BundlesLost != 0 {
		t.Errorf("wanted %v, %+v", w, e.Stats())
	}
}

// TestLostAtAnyTime loses files between any two entries of any history, entries above the mark included,
// by any way, with restarts and power losses in between: nothing wrong is served, and in the end the state is that of an edge
// that lost nothing.
func TestLostAtAnyTime(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 11))
		o, h := newHistory(t, seed, 30)
		straight := openEdge(t, o, o.config(t.TempDir()))
		straight.play(h, func(uint64) {})
		want := straight.State()

		memory := vfs.NewCrashableMem()
		e := openEdgeOn(t, o, o.config(t.TempDir()), system{index: memory})
		gap := rng.IntN(len(h)) // this entry comes last, so that the mark waits for it
		for i, m := range h {
			if i == gap {
				continue
			}
			e.apply(m)
			e.bringWanted(h, rng.IntN(3) > 0)
			for range rng.IntN(3) {
				e.loseOne(rng)
			}
			switch rng.IntN(4) {
			case 0:
				e.reopenOn(memory)
			case 1:
				memory = memory.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(2) * 50, RNG: rng})
				e.reopenOn(memory)
				e.apply(slices.DeleteFunc(slices.Clone(h[:i+1]), func(m *made) bool { return m == h[gap] })...)
			}
			e.legal(h)
		}
		e.apply(h[gap])
		for len(e.Wanted(1)) > 0 { // what a request finds lost is wanted again
			e.clock(time.Now().Add(365 * 24 * time.Hour))
			e.bringWanted(h, true)
			e.legal(h)
		}
		e.check(h, uint64(len(h)))
		got := e.State()
		if got.Mark != want.Mark || got.Digest != want.Digest || got.Complete != want.Complete || len(got.Done) > 0 {
			t.Fatalf("seed %d: %+v, want %+v", seed, got, want)
		}
		if s, w := e.Stats(), straight.Stats(); s.Bytes != w.Bytes || s.Bundles != w.Bundles {
			t.Errorf("seed %d: %d bytes in %d bundles, want %d in %d", seed, s.Bytes, s.Bundles, w.Bytes, w.Bundles)
		}
	}
}

// reopenOn closes the cache, and opens it on another index.
func (e *edge) reopenOn(index *vfs.MemFS) {
	e.t.Helper()
	cfg := e.cfg
	e.close()
	c, err := open(cfg, system{index: index})
	if err != nil {
		e.t.Fatal(err)
	}
	c.SetReady(true)
	e.Cache = c
}

// bringWanted brings and commits what is wanted, or a block of each.
func (e *edge) bringWanted(h history, all bool) {
	e.t.Helper()
	for _, w := range e.Wanted(999) {
		m := h[w.Sequence-1]
		if all {
			if err := e.bringRest(m); err != nil {
				e.t.Fatal(err)
			}
		} else if e.Begin(m.sequence(), m.part.OTI()) == nil && m.part.Blocks() > 1 {
			e.receive(m, 0)
		}
	}
	for _, sequence := range e.Ready() {
		if err := e.Commit(sequence)[0]; err != nil {
			e.t.Fatal(err)
		}
	}
}

// loseOne loses one of the bundle files.
func (e *edge) loseOne(rng *rand.Rand) {
	e.t.Helper()
	entries, err := os.ReadDir(e.disk.dir)
	if err != nil {
		e.t.Fatal(err)
	}
	if len(entries) == 0 {
		return
	}
	name := entries[rng.IntN(len(entries))].Name()
	for _, in := range e.incoming {
		if fmt.Sprint(in.sequence) == name {
			return // it cannot be lost yet: its blocks would fail, and be asked for anew
		}
	}
	if err := ways[rng.IntN(len(ways))].lose(e.disk.dir + "/" + name); err != nil {
		e.t.Fatal(err)
	}
}

// legal checks that every key is answered with a text that it had, or not with 200.
func (e *edge) legal(h history) {
	e.t.Helper()
	for k := range crashKeys {
		path := fmt.Sprint("/", k)
		status, body := e.answer(at(path))
		legal := status == 404 || status == 503
		for n := range h {
			text, ok := h.after(n+1, path)
			legal = legal || ok && status == 200 && body == text
		}
		if !legal {
			e.t.Fatalf("%s: %d, %d bytes that it never had", path, status, len(body))
		}
	}
}
