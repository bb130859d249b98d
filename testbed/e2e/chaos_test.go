package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/internal/api"
)

// TestChaos publishes, replaces, purges and removes, while edges and the origin are killed at
// random moments; at the end every edge serves exactly what was acknowledged.
func TestChaos(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 3, Loss: 0.1, Rate: 200_000_000})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	gone := map[string]bool{}
	var last uint64
	for round := range 40 {
		last = w.chaosChange(rng, round, gone)
		switch rng.IntN(6) {
		case 0:
			w.origin.Kill()
			w.startOrigin()
		case 1, 2:
			n := w.edges[rng.IntN(len(w.edges))]
			n.Kill()
			n.start(w)
		case 3:
			time.Sleep(time.Duration(rng.IntN(100)) * time.Millisecond)
		}
	}
	for _, n := range w.edges {
		w.awaitReady(n)
	}
	w.await(api.Sequences{First: last, Last: last}, 30*time.Second)
	w.await(api.Sequences{First: 1, Last: last}, 30*time.Second)
	w.check()
	for path := range gone {
		w.checkGone(path)
	}
	s, err := w.client.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Edges {
		if e.Differs || e.Mark != s.Head {
			t.Errorf("%s: mark %d of %d, differs: %v", e.Name, e.Mark, s.Head, e.Differs)
		}
	}
}

// chaosChange makes one change and returns the last sequence.
func (w *world) chaosChange(rng *rand.Rand, round int, gone map[string]bool) uint64 {
	w.t.Helper()
	name := func() string { return fmt.Sprintf("d%d/f%d", rng.IntN(3), rng.IntN(8)) }
	if rng.IntN(3) > 0 {
		files := map[string][]byte{}
		for range 1 + rng.IntN(4) {
			n := name()
			files[n] = content(fmt.Sprint(n, round), rng.IntN(20)*rng.IntN(20)*rng.IntN(10_000))
			delete(gone, "/"+n)
		}
		return w.publish(files, "x").Last
	}
	matches := func(path string) bool { return true }
	var s api.Invalidation
	var err error
	switch rng.IntN(4) {
	case 0:
		path := "/" + name()
		matches = func(p string) bool { return p == path }
		s, err = w.client.Purge(context.Background(), purgeKey(path))
	case 1:
		path := "/" + name()
		matches = func(p string) bool { return p == path }
		s, err = w.client.Remove(context.Background(), []string{path})
	case 2:
		prefix := fmt.Sprintf("/d%d/", rng.IntN(3))
		matches = func(p string) bool { return len(p) > 4 && p[:4] == prefix }
		s, err = w.client.Purge(context.Background(), api.PurgeRequest{Prefixes: []string{prefix}})
	case 3:
		s, err = w.client.Purge(context.Background(), api.PurgeRequest{All: true})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	for path := range w.files {
		if matches(path) {
			delete(w.files, path)
			gone[path] = true
		}
	}
	return s.Last
}
