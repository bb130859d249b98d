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

// TestStraggler has one edge among good ones lose 40 % of what is sent: it is demoted, catches up by
// unicast, and comes back by itself when it is well.
func TestStraggler(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 5, Namespaces: true, Rate: 40_000_000})
	bad := w.edges[4]
	lose := func(loss float64) {
		if err := w.bed.Edges[4].SetLoss(loss); err != nil { // of UDP
			t.Fatal(err)
		}
	}
	lose(0.4)
	first := w.publish(map[string][]byte{"first": content("first", 8<<20)}, "x")
	w.until("the straggler is demoted", 20*time.Second, func() error {
		if bad.metric(t, "fanfare_edge_demoted") != 1 {
			return errors.New("it is not")
		}
		return nil
	})
	second := w.publish(map[string][]byte{"second": content("second", 1<<20)}, "x")
	w.await(api.Sequences{First: first.First, Last: second.Last}, 60*time.Second)
	w.check()
	blocks := bad.metric(t, "fanfare_edge_blocks_fetched_total")
	t.Logf("fetched %v blocks, %v in vain, in %v requests", blocks,
		bad.metric(t, "fanfare_edge_blocks_fetched_twice_total"), bad.metric(t, "fanfare_edge_block_fetches_total"))
	status, err := w.client.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range status.Edges {
		if (e.Name == bad.name) != (e.BlocksFetched > 0) {
			t.Errorf("%s: %d blocks fetched", e.Name, e.BlocksFetched)
		}
	}
	if status.CatchUp.Bytes == 0 {
		t.Error("the origin has sent nothing by unicast")
	}
	lose(0)
	w.until("the straggler is back", 60*time.Second, func() error {
		if bad.metric(t, "fanfare_edge_demoted") == 0 {
			return nil
		}
		// Only what comes tells that the link is well.
		w.publish(map[string][]byte{"more": content("more", 500_000)}, "x")
		time.Sleep(200 * time.Millisecond)
		return errors.New("it is not")
	})
	w.await(w.publish(map[string][]byte{"third": content("third", 5<<20)}, "x"), 20*time.Second)
	w.check()
	if again := bad.metric(t, "fanfare_edge_blocks_fetched_total"); again > blocks+5 {
		t.Errorf("%v more blocks fetched when all was well", again-blocks)
	}
}

// TestDeafEdges cuts all edges off the group while their paths to the origin are well: they get what is
// published by unicast, no faster than they may.
func TestDeafEdges(t *testing.T) {
	const edges, bytes = 4, 6 << 20
	w := newWorld(t, worldConfig{Edges: edges, Namespaces: true, Rate: 100_000_000})
	for _, host := range w.bed.Edges {
		if err := host.SetLoss(1); err != nil { // of UDP
			t.Fatal(err)
		}
	}
	begin := time.Now()
	w.await(w.publish(map[string][]byte{"large": content("large", bytes), "small": content("small", 5000)}, "x"), 40*time.Second)
	if took, least := time.Since(begin).Seconds(), 8*edges*bytes/25e6; took < least {
		t.Errorf("%d edges had %d bytes each after %.1f s; at a quarter of the rate it takes %.1f", edges, bytes, took, least)
	}
	w.check()
	for _, n := range w.edges {
		if n.metric(t, "fanfare_edge_blocks_fetched_total") == 0 {
			t.Errorf("%s was not deaf", n.name)
		}
	}
}
