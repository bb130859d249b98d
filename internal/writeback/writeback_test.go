package writeback

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestBegin(t *testing.T) {
	var a Ahead
	path := filepath.Join(t.TempDir(), "file")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("some bytes"), 100_000)
	for part := 0; part < len(want); part += 250_000 {
		if _, err := file.Write(want[part : part+250_000]); err != nil {
			t.Fatal(err)
		}
		a.Begin(file)
		a.Wait()
	}
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if !a.Begin(file) { // closed: nothing to do
		t.Error("still busy")
	}
	a.Wait()
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v, want the %d written", len(got), err, len(want))
	}
}

func TestSettle(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	piece := bytes.Repeat([]byte{1}, 4<<20)
	var written int64
	for range 6 {
		n, err := file.Write(piece)
		if err != nil {
			t.Fatal(err)
		}
		written += int64(n)
		Settle(file, written) // it returns, whether there is anything to wait for or not
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	Settle(file, written)
}
