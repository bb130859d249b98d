package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"fanfare/internal/api"
)

// awaitFiles waits until an edge serves everything that was published and not purged.
func (w *world) awaitFiles(n *node, limit time.Duration) {
	w.t.Helper()
	w.until(n.name+" serves everything", limit, func() error {
		for path, want := range w.files {
			response, body, err := n.get(path)
			switch {
			case err != nil:
				return err
			case response.StatusCode == http.StatusOK && body != string(want):
				w.t.Fatalf("%s: %s: %d bytes that differ from the %d published", n.name, path, len(body), len(want))
			case response.StatusCode != http.StatusOK:
				return fmt.Errorf("%s: %s", path, response.Status)
			}
		}
		return nil
	})
}

func (w *world) awaitFilesEverywhere(limit time.Duration) {
	w.t.Helper()
	for _, n := range w.edges {
		w.awaitFiles(n, limit)
	}
}

// awaitGone waits until an edge answers 404 for a path.
func (w *world) awaitGone(n *node, path string, limit time.Duration) {
	w.t.Helper()
	w.until(path+" is gone at "+n.name, limit, func() error {
		response, _, err := n.get(path)
		if err == nil && response.StatusCode != http.StatusNotFound {
			err = errors.New(response.Status)
		}
		return err
	})
}

// inPart waits until an edge has some, but not all, blocks of what is on its way.
func (w *world) inPart(n *node, least float64) {
	w.t.Helper()
	before := n.metric(w.t, "fanfare_edge_blocks_written_total")
	w.until(n.name+" has a part of it", 20*time.Second, func() error {
		if written := n.metric(w.t, "fanfare_edge_blocks_written_total") - before; written < least {
			return fmt.Errorf("%v blocks", written)
		}
		return nil
	})
}

// TestOneWay runs a session without a return path: nothing that an edge sends would arrive. One
// edge comes late, one is killed in the middle, and so is the origin.
func TestOneWay(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 3, Loss: 0.1, Namespaces: true, OneWay: true, Rate: 100_000_000})
	first, victim, late := w.edges[0], w.edges[1], w.edges[2]
	late.Kill()
	late.config.Dir += "-new"

	w.publish(map[string][]byte{"old": content("old", 3000), "old.bin": content("old", 2<<20)}, "old")
	w.awaitFiles(first, 20*time.Second)
	if _, err := w.client.Purge(context.Background(), api.PurgeRequest{Tags: []string{"old"}}); err != nil {
		t.Fatal(err)
	}
	clear(w.files)
	w.awaitGone(first, "/old", 5*time.Second)
	w.awaitGone(victim, "/old.bin", 5*time.Second)

	large := w.publish(map[string][]byte{"large.bin": content("large", 10<<20)}, "large")
	w.publish(smallFiles("small", 100), "small")
	w.files = urls(w.files)
	w.awaitFiles(first, 20*time.Second)
	w.awaitFiles(victim, 20*time.Second)

	late.start(w)
	w.awaitReady(late)
	w.checkNode(late)
	w.checkGone("/old")
	w.checkGone("/old.bin")

	w.publish(map[string][]byte{"second.bin": content("second", 10<<20)}, "second")
	w.inPart(victim, 10)
	victim.Kill()
	if err := os.Remove(victim.bundleFile(large.First)); err != nil { // it comes again in the next cycle
		t.Fatal(err)
	}
	w.origin.Kill()
	w.startOrigin()
	victim.start(w)
	w.awaitReady(victim)
	w.awaitFilesEverywhere(20 * time.Second)
	if resumed := victim.metric(t, "fanfare_edge_blocks_resumed_total"); resumed == 0 {
		t.Error("no block was taken up from disk")
	}

	if _, err := w.client.Purge(context.Background(), purgeKey("/second.bin")); err != nil {
		t.Fatal(err)
	}
	for _, n := range w.edges {
		w.awaitGone(n, "/second.bin", 5*time.Second)
	}
	w.checkGone("/old")
	w.checkNobodySpoke()
	w.checkNoReceipts()
}

// checkNobodySpoke sees to it that no edge has sent anything, and had nothing to complain of.
func (w *world) checkNobodySpoke() {
	w.t.Helper()
	if dropped, err := w.bed.Origin.Dropped(); err != nil || dropped != 0 {
		w.t.Errorf("edges have sent the origin %d packets, %v", dropped, err)
	}
	for _, n := range w.edges {
		for _, name := range []string{"feedback_sent", "fetches", "nacks_sent", "reports_sent"} {
			if x := n.metric(w.t, "fanfare_edge_"+name+"_total"); x != 0 {
				w.t.Errorf("%s: %s is %v", n.name, name, x)
			}
		}
	}
}

// checkNoReceipts sees to it that the origin says what it can know, and nothing else.
func (w *world) checkNoReceipts() {
	w.t.Helper()
	status, err := w.client.Status(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	if c := status.Carousel; status.Mode != "one-way" || c == nil || c.Cycle == 0 || c.Seconds <= 0 || len(status.Edges) != 0 {
		w.t.Errorf("status: %s", w.status())
	}
	_, err = w.client.Wait(context.Background(), api.Sequences{First: 1, Last: 1}, time.Second, nil)
	if err == nil || !strings.Contains(err.Error(), "--wait") {
		w.t.Errorf("waiting gives %v", err)
	}
}
