package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"fanfare/internal/api"
	"fanfare/testbed/daemon"
)

// crashWorld is a world on loopback, slow enough to be killed in the middle of something.
func crashWorld(t *testing.T, edges int) *world {
	return newWorld(t, worldConfig{Edges: edges, Loss: 0.05, Rate: 100_000_000})
}

// inTheMiddle waits until an edge has some, but not all, blocks of a bundle.
func (w *world) inTheMiddle(n *node, sequence uint64, least uint32) {
	w.t.Helper()
	w.until(n.name+" has a part of the bundle", 20*time.Second, func() error {
		s, err := w.client.Status(context.Background())
		if err != nil {
			return err
		}
		for _, e := range s.Edges {
			for _, p := range e.Progress {
				if e.Name == n.name && p.Sequence == sequence && p.Blocks >= least {
					return nil
				}
			}
		}
		return fmt.Errorf("its progress: %+v", s.Edges)
	})
}

func TestEdgeKilledInTheMiddle(t *testing.T) {
	w := crashWorld(t, 2)
	purged := map[string][]byte{"old/a": content("a", 3000), "old/b": content("b", 300_000)}
	w.await(w.publish(purged, "old"), 20*time.Second)
	w.purgeAll("old")
	before := w.publish(smallFiles("kept", 100), "kept")
	w.await(before, 20*time.Second)

	large := w.publish(map[string][]byte{"large.bin": content("large", 30<<20)}, "large")
	victim := w.edges[0]
	w.inTheMiddle(victim, large.First, 20)
	victim.Kill()
	victim.start(w)
	w.awaitReady(victim)
	receipt := w.await(large, 40*time.Second)
	w.report("30 MB, one edge killed", 30<<20, receipt)
	if resumed := victim.metric(t, "fanfare_edge_blocks_resumed_total"); resumed < 20 {
		t.Errorf("%v blocks were taken up from disk, want 20", resumed)
	}
	w.files = urls(w.files)
	w.check()
	w.checkGone("/old/a")
	w.checkGone("/old/b")

	// And with everything complete: all of it comes from its disk.
	victim.Kill()
	victim.start(w)
	w.awaitReady(victim)
	w.checkNode(victim)
	w.checkGone("/old/a")
}

// purgeAll purges all there is, by its tag, and waits until that is in force everywhere.
func (w *world) purgeAll(tag string) {
	w.t.Helper()
	s, err := w.client.Purge(context.Background(), api.PurgeRequest{Tags: []string{tag}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.await(s.Sequences, 20*time.Second)
	clear(w.files)
}

func TestOriginKilledBetween(t *testing.T) {
	w := crashWorld(t, 2)
	w.await(w.publish(map[string][]byte{"old": content("old", 5000)}, "old"), 20*time.Second)
	w.purgeAll("old")
	first := w.publish(map[string][]byte{"large.bin": content("large", 20<<20)}, "large")
	w.origin.Kill() // acknowledged, but hardly sent
	w.startOrigin()
	second := w.publish(smallFiles("later", 50), "later")
	w.await(first, 40*time.Second)
	receipt := w.await(second, 20*time.Second)
	w.report("20 MB, the origin killed", 20<<20, receipt)
	w.files = urls(w.files)
	w.check()
	w.checkGone("/old")

	// An edge that was away meanwhile gets the log over HTTP.
	late := w.edges[1]
	late.Kill()
	s := w.publish(map[string][]byte{"large.bin": content("second version", 100_000)}, "large")
	for i := range 100 {
		w.publish(map[string][]byte{"counter": fmt.Appendf(nil, "%d", i)}, "counter")
	}
	late.start(w)
	w.awaitReady(late)
	w.await(api.Sequences{First: s.First, Last: s.Last + 100}, 20*time.Second)
	w.check()
}

func TestStopsWithinASecond(t *testing.T) {
	w := crashWorld(t, 1)
	w.publish(map[string][]byte{"large.bin": content("large", 30<<20)}, "large")
	for _, d := range []*daemon.Process{w.edges[0].Process, w.origin} {
		start := time.Now()
		if err := errors.Join(d.Stop(), d.Err()); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
		if took := time.Since(start); took > 5*time.Second { // 1, and more for a busy machine
			t.Errorf("%s took %v to stop", d.Name, took)
		}
	}
}

func TestReservedPaths(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 1})
	n := w.edges[0]
	for path, want := range map[string]int{
		"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/metrics": http.StatusOK, "/nothing": http.StatusNotFound,
	} {
		response, body, err := n.get(path)
		if err != nil || response.StatusCode != want {
			t.Errorf("%s: %v, %v: %.200s", path, response, err, body)
		}
	}
}

// TestEdgeBeforeOrigin starts an edge while the origin is down.
func TestEdgeBeforeOrigin(t *testing.T) {
	w := crashWorld(t, 1)
	w.await(w.publish(smallFiles("some", 10), "some"), 10*time.Second)
	w.files = urls(w.files)
	n := w.edges[0]
	n.Kill()
	w.origin.Kill()
	n.start(w)
	w.until("the edge answers", 10*time.Second, func() error {
		response, _, err := n.get("/readyz")
		if err == nil && response.StatusCode != http.StatusServiceUnavailable {
			err = errStatus(response.Status)
		}
		return err
	})
	for path := range w.files {
		if response, _, err := n.get(path); err != nil || response.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("%s before the edge has caught up: %v, %v", path, response, err)
		}
	}
	w.startOrigin()
	w.awaitReady(n)
	w.check()
}
