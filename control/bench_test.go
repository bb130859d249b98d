package control

import (
	"fmt"
	"testing"
)

// filled returns a catalogue of publishes bundles with objects objects each, all keys different.
func filled(t testing.TB, publishes, objects int) (*Catalogue, *testLog) {
	log := &testLog{}
	c := New(Config{Generation: testGeneration})
	for i := range publishes {
		bundle := make([]Object, objects)
		for j := range bundle {
			bundle[j] = Object{
				Key: Key{"cdn.example", fmt.Sprintf("/site/%04d/%04d.html", i, j)}, Length: 10,
				Headers: []Header{{"content-type", "text/html"}}, Tags: []string{"site"},
			}
		}
		e := log.publish(t, false, bundle...)
		if _, err := c.Apply(e, log.hashes[i]); err != nil {
			t.Fatal(err)
		}
		if err := c.AddManifest(e.Sequence, log.manifests[e.Sequence]); err != nil {
			t.Fatal(err)
		}
		delete(log.manifests, e.Sequence)
		c.Complete(e.Sequence)
	}
	return c, log
}

func TestLookupDoesNotAllocate(t *testing.T) {
	c, log := filled(t, 2, 10)
	if _, err := c.Fold(); err != nil {
		t.Fatal(err)
	}
	e := log.purge(Selector{Kind: SelectTag, Tag: "other"}, Selector{Kind: SelectKey, Key: Key{"x", "/y"}})
	if _, err := c.Apply(e, log.hashes[2]); err != nil {
		t.Fatal(err)
	}
	key := Key{"cdn.example", "/site/0001/0003.html"}
	if n := testing.AllocsPerRun(100, func() {
		if _, answer := c.LookupRequest(key); answer != Found {
			t.Fatal(answer)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkFold folds 100 publishes of 1,000 objects each.
func BenchmarkFold(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		c, _ := filled(b, 100, 1000)
		b.StartTimer()
		if changes, err := c.Fold(); err != nil || len(changes.Folded) != 100 {
			b.Fatal(err)
		}
	}
}

// BenchmarkLookup looks keys up among 100,000 rows.
func BenchmarkLookup(b *testing.B) {
	c, _ := filled(b, 100, 1000)
	if _, err := c.Fold(); err != nil {
		b.Fatal(err)
	}
	key := Key{"cdn.example", "/site/0042/0777.html"}
	for b.Loop() {
		if _, answer := c.LookupRequest(key); answer != Found {
			b.Fatal(answer)
		}
	}
}

// BenchmarkPurgePrefix purges a prefix that no row of 100,000 has.
func BenchmarkPurgePrefix(b *testing.B) {
	c, _ := filled(b, 100, 1000)
	if _, err := c.Fold(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c.kill(Selector{Kind: SelectPrefix, Key: Key{Path: "/none"}})
	}
}
