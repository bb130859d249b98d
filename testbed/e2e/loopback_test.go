package e2e

import (
	"testing"
	"time"
)

func TestLoopback(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 3, Loss: 0.1})
	files := smallFiles("small", 300)
	files["large.bin"] = content("large", 20<<20)
	sequences := w.publish(files, "one")
	w.files = urls(w.files)
	receipt := w.await(sequences, 40*time.Second)
	w.report("20 MB and 300 small files", 23<<20, receipt)
	w.check()
}
