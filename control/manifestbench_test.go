package control

import (
	"fmt"
	"testing"

	"fanfare/fec"
)

// BenchmarkManifest lays out and encodes the bundle of 4,096 small objects.
func BenchmarkManifest(b *testing.B) {
	objects := make([]Object, MaxBundleObjects)
	headers := []Header{{"cache-control", "max-age=60"}}
	for i := range objects {
		objects[i] = Object{Key: mustKey(b, fmt.Sprintf("//example.org/tree/%d/file%%20%d.bin", i%100, i)), Length: 1000, Headers: headers}
	}
	b.ReportAllocs()
	for b.Loop() {
		layout, err := Arrange(objects, fec.OTI{SymbolLength: 1408, MaxBlock: 200, MaxSymbols: 255}, 1000)
		if err != nil {
			b.Fatal(err)
		}
		m := &Manifest{Objects: objects, Digests: make([]Hash, layout.Blocks-layout.ManifestBlocks)}
		if _, err := m.Encode(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxBundleObjects, "ns/object")
}
