package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"fanfare/internal/api"
)

func TestNamespaces(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 4, Loss: 0.1, Namespaces: true})
	large := map[string][]byte{"large.bin": content("large", 100<<20)}
	receipt := w.await(w.publish(large, "large"), 50*time.Second)
	w.report("one file", 100<<20, receipt)
	small := smallFiles("small", 1000)
	receipt = w.await(w.publish(small, "small"), 30*time.Second)
	w.report("1,000 small files", 0, receipt)
	w.files = urls(w.files)
	w.check()
}

// families are the other ways of multicast.
var families = []struct {
	name   string
	config worldConfig
}{
	{"IPv6", worldConfig{IPv6: true}},
	{"SSM", worldConfig{SSM: true}},
	{"IPv6 SSM", worldConfig{IPv6: true, SSM: true}},
}

func TestFamilies(t *testing.T) {
	for _, family := range families {
		t.Run(family.name, func(t *testing.T) {
			c := family.config
			c.Edges, c.Loss, c.Namespaces = 2, 0.1, true
			w := newWorld(t, c)
			files := smallFiles("small", 50)
			files["large.bin"] = content("large", 5<<20)
			receipt := w.await(w.publish(files, "one"), 30*time.Second)
			w.report(family.name, 5<<20, receipt)
			w.files = urls(w.files)
			w.check()
		})
	}
}

// TestCutOff pulls the cable of an edge while a file is sent: it takes nothing of what follows, holds
// nobody up, and has all of it soon after the cable is back.
func TestCutOff(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 3, Loss: 0.02, Namespaces: true, Rate: 200_000_000})
	large := w.publish(map[string][]byte{"large.bin": content("large", 20<<20), "old": content("old", 1000)}, "large")
	w.inTheMiddle(w.edges[0], large.First, 10)
	host := w.bed.Edges[0]
	if err := host.Cut(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.Purge(context.Background(), purgeKey("/old")); err != nil {
		t.Fatal(err)
	}
	delete(w.files, "/old")
	var s api.Sequences
	for i := range 80 { // more than NACKs are for
		s = w.publish(map[string][]byte{fmt.Sprintf("f%d", i): content("f", 2000)}, "small")
	}
	w.until("the others serve all of it", 20*time.Second, func() error {
		receipt, err := w.client.Wait(context.Background(), api.Sequences{First: large.First, Last: s.Last}, time.Millisecond, nil)
		if err == nil && receipt.Served != 2 {
			err = fmt.Errorf("served at %d", receipt.Served)
		}
		return err
	})
	if err := host.Heal(); err != nil {
		t.Fatal(err)
	}
	w.await(api.Sequences{First: large.First, Last: s.Last}, 30*time.Second)
	w.check()
	w.checkGone("/old")
}
