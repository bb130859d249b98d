package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fanfare/internal/api"
)

// TestPoisonedBlocks forges symbols of a bundle while it is sent. Each forged one spoils a block at
// every edge: it is fetched by unicast, once, and all of the bundle is served.
func TestPoisonedBlocks(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 2, Rate: 40_000_000})
	a := newAttacker(w)
	s := w.publish(map[string][]byte{"large": content("large", 6<<20)}, "x")
	a.attack(time.Second, func() {
		for range 20 {
			a.listen() // the next packet of the bundle that comes
		}
		a.poison()
	})
	w.await(s, 40*time.Second)
	w.check()
	for _, n := range w.edges {
		poisoned, fetched := n.metric(t, "fanfare_edge_blocks_poisoned_total"), n.metric(t, "fanfare_edge_blocks_fetched_total")
		if poisoned == 0 || fetched != poisoned || n.metric(t, "fanfare_edge_blocks_fetched_wrong_total") != 0 {
			t.Errorf("%s: %v blocks poisoned, %v fetched", n.name, poisoned, fetched)
		}
		t.Logf("%s: %v blocks poisoned, %v fetched in %v requests", n.name, poisoned, fetched, n.metric(t, "fanfare_edge_block_fetches_total"))
	}
}

// TestDamagedSpool damages a bundle at the origin before it is sent: no edge can have it, and each
// says why.
func TestDamagedSpool(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 2, Rate: 10_000_000})
	// The first one keeps the origin busy while the second is damaged.
	first := w.publish(map[string][]byte{"first": content("first", 1<<20)}, "x")
	second := w.publish(map[string][]byte{"second": content("second", 1<<20)}, "x")
	delete(w.files, "/second")
	file, err := os.OpenFile(filepath.Join(w.originDir(), "spool", fmt.Sprintf("%d.bundle", second.First)), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteAt([]byte("damage"), 900_000)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	w.await(first, 20*time.Second)
	w.until("every edge says that the bundle is damaged", 20*time.Second, func() error {
		status, err := w.client.Status(context.Background())
		if err != nil {
			return err
		}
		for _, e := range status.Edges {
			if len(e.Failed) != 1 || e.Failed[0].Sequence != second.First || !strings.Contains(e.Failed[0].Reason, "damaged in the origin's spool") {
				return fmt.Errorf("%s: %+v", e.Name, e.Failed)
			}
		}
		return nil
	})
	for _, n := range w.edges {
		if text := string(logOf(n.Process)); strings.Count(text, "is damaged there") != 1 {
			t.Errorf("%s does not tell it once", n.name)
		}
		if wrong := n.metric(t, "fanfare_edge_blocks_fetched_wrong_total"); wrong < 1 || wrong > 3 {
			t.Errorf("%s fetched %v wrong blocks", n.name, wrong)
		}
	}
	// A new version makes all well.
	w.await(w.publish(map[string][]byte{"second": content("other", 1<<20)}, "x"), 20*time.Second)
	w.until("every edge serves everything", 20*time.Second, func() error {
		receipt, err := w.client.Wait(context.Background(), api.Sequences{First: first.First, Last: second.Last}, time.Millisecond, nil)
		if err == nil && !receipt.Complete {
			err = fmt.Errorf("%+v", receipt)
		}
		return err
	})
	w.check()
}
