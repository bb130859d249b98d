package spool

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"fanfare/control"
	"fanfare/fec"
)

// BenchmarkFillBundle stages one large file that a publisher handed over: reads, digests and writes it.
func BenchmarkFillBundle(b *testing.B) {
	const size = 100 << 20
	dir := b.TempDir()
	body, err := os.Create(filepath.Join(dir, "body"))
	if err != nil {
		b.Fatal(err)
	}
	defer body.Close()
	chunk := make([]byte, 1<<20)
	for i := range chunk {
		chunk[i] = byte(i * i >> 3)
	}
	for range size / len(chunk) {
		if _, err := body.Write(chunk); err != nil {
			b.Fatal(err)
		}
	}
	key, err := control.FileKey("", "", "body")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	for b.Loop() {
		file, err := os.Create(filepath.Join(dir, "bundle"))
		if err != nil {
			b.Fatal(err)
		}
		oti := fec.OTI{SymbolLength: 1408, MaxBlock: 200, MaxSymbols: 255}
		if _, err := fillBundle(file, []control.Object{{Key: key, Length: size}}, oti, io.NewSectionReader(body, 0, size)); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := file.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
