package throughput

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/tree"
	"fanfare/testbed/netns"
)

// BenchmarkStore publishes to an origin without edges: what it costs until the files are
// durable in the spool and their entries in the log.
func BenchmarkStore(b *testing.B) {
	for _, run := range []struct{ count, size int }{{1, 200e6}, {2000, 10e3}, {4000, 12e3}, {20000, 1e3}} {
		b.Run(fmt.Sprintf("files=%dx%d", run.count, run.size), func(b *testing.B) {
			w := newWorld(b, netns.Config{}, 1e9)
			dir := filepath.Join(w.dir, "tree")
			w.tree(b, dir, run.count, run.size)
			var wall, origin time.Duration
			own := ownCPU()
			b.ResetTimer()
			for range b.N {
				before, start := cpu(b, w.origin), time.Now()
				files, err := tree.Collect([]string{dir}, nil)
				if err != nil {
					b.Fatal(err)
				}
				_, err = w.client.Publish(context.Background(), api.PublishOptions{},
					func(stream io.Writer) error { return tree.WriteTar(stream, files, func(int64) {}) })
				if err != nil {
					b.Fatal(err)
				}
				wall += time.Since(start)
				origin += cpu(b, w.origin) - before
			}
			b.StopTimer()
			megabytes := float64(run.count*run.size) * float64(b.N) / 1e6
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(megabytes/wall.Seconds(), "MB/s")
			b.ReportMetric(float64(run.count*b.N)/wall.Seconds(), "objects/s")
			b.ReportMetric(origin.Seconds()*1000/megabytes, "origin-cpu-s/GB")
			b.ReportMetric((ownCPU()-own).Seconds()*1000/megabytes, "publisher-cpu-s/GB")
		})
	}
}

// tree makes a directory of count files of size random bytes.
func (w *world) tree(b *testing.B, dir string, count, size int) {
	b.Helper()
	source := rand.NewChaCha8([32]byte{1})
	content := make([]byte, size)
	for i := range count {
		_, _ = source.Read(content) // never fails
		path := filepath.Join(dir, fmt.Sprint(i%100), fmt.Sprintf("file %d.bin", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			b.Fatal(err)
		}
	}
}
