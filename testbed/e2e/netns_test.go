package e2e

import (
	"testing"
	"time"
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
