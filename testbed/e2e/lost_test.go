package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fanfare/internal/api"
)

// bundleFile is where an edge keeps the bundle that an entry published.
func (n *node) bundleFile(sequence uint64) string {
	return filepath.Join(n.config.Dir, "bundles", fmt.Sprint(sequence))
}

// TestLostBundles takes bundle files away from an edge while it is down, and while it runs, and kills it
// once more before all is back: the origin knows what is missing, nothing torn is served, and in the end
// everything is there, byte for byte.
func TestLostBundles(t *testing.T) {
	w := crashWorld(t, 2)
	victim := w.edges[0]
	one := func(name string, n int) api.Sequences {
		return w.publish(map[string][]byte{name: content(name, n)}, "lost")
	}
	kept, removed, cut, small := one("kept.bin", 1<<20), one("removed.bin", 30<<20), one("cut.bin", 10<<20), one("small", 5000)
	all := api.Sequences{First: kept.First, Last: small.Last}
	w.await(all, 60*time.Second)
	w.files = urls(w.files)

	victim.Kill()
	err := errors.Join(os.Remove(victim.bundleFile(removed.First)), os.Truncate(victim.bundleFile(cut.First), 7<<20))
	if err != nil {
		t.Fatal(err)
	}
	victim.start(w)
	w.inTheMiddle(victim, removed.First, 5)
	w.wantMissing(victim, all, removed.First)
	w.wantIncomplete(victim, "/removed.bin")
	w.wantServed(victim, "/kept.bin")
	w.wantServed(victim, "/small")

	victim.Kill()
	w.origin.Kill() // which comes back knowing nothing of what it has sent
	w.startOrigin()
	victim.start(w)
	w.awaitReady(victim)
	w.await(all, 60*time.Second)
	w.check()
	if resumed := victim.metric(t, "fanfare_edge_blocks_resumed_total"); resumed < 10 {
		t.Errorf("%v blocks were taken up from disk, want 10", resumed)
	}

	err = errors.Join(os.Remove(victim.bundleFile(small.First)), os.Truncate(victim.bundleFile(removed.First), 0))
	if err != nil {
		t.Fatal(err)
	}
	w.wantIncomplete(victim, "/small")
	w.wantIncomplete(victim, "/removed.bin")
	w.wantMissing(victim, all, removed.First)
	w.await(all, 60*time.Second)
	w.check()
	if lost := victim.metric(t, "fanfare_edge_bundles_lost_total"); lost != 2 {
		t.Errorf("%v bundles were lost, want 2", lost)
	}

	victim.Kill()
	victim.start(w)
	w.awaitReady(victim)
	w.check()
	if lost := victim.metric(t, "fanfare_edge_bundles_lost_total"); lost != 0 {
		t.Errorf("%v bundles were lost, want none", lost)
	}
}

// wantMissing waits until the origin says that an edge, and only that one, does not serve an entry.
func (w *world) wantMissing(n *node, all api.Sequences, sequence uint64) {
	w.t.Helper()
	w.until("the origin knows that a bundle is missing", 10*time.Second, func() error {
		s, err := w.client.Status(context.Background())
		if err != nil {
			return err
		}
		for _, e := range s.Edges {
			if e.Name == n.name && (e.Complete >= sequence || e.Behind == 0) {
				return fmt.Errorf("%+v", e)
			}
		}
		receipt, err := w.client.Wait(context.Background(), all, 0, nil)
		switch {
		case err != nil:
			return err
		case receipt.Complete:
			return errors.New("a receipt says that all is served")
		}
		for _, e := range receipt.Edges {
			if e.Served == (e.Name == n.name) {
				return fmt.Errorf("%+v", e)
			}
		}
		return nil
	})
}

// wantIncomplete wants a path to be answered as one whose bundle has not come yet.
func (w *world) wantIncomplete(n *node, path string) {
	w.t.Helper()
	response, _, err := n.get(path)
	if err != nil {
		w.t.Fatal(err)
	}
	status := response.Header.Get("Cache-Status")
	if want := n.name + ";fwd=miss;detail=incomplete"; response.StatusCode != http.StatusServiceUnavailable || status != want {
		w.t.Errorf("%s: %s, %s", path, response.Status, status)
	}
}

// wantServed wants a path to be answered with its content.
func (w *world) wantServed(n *node, path string) {
	w.t.Helper()
	response, body, err := n.get(path)
	if err != nil || response.StatusCode != http.StatusOK || body != string(w.files[path]) {
		w.t.Errorf("%s: %v, %v, %d bytes", path, response, err, len(body))
	}
}
