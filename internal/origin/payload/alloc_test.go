//go:build !race

package payload

import (
	"os"
	"testing"

	"fanfare/fec"
)

// Making a symbol allocates nothing. (Under the race detector it does.)
func TestSymbolAllocates(t *testing.T) {
	dir := t.TempDir()
	r := testReader(dir)
	defer r.Close()
	oti := fec.OTI{TransferLength: 6400, SymbolLength: 64, MaxBlock: 50, MaxSymbols: 255}
	if err := os.WriteFile(bundlePath(dir, 1), make([]byte, 6400), 0o600); err != nil {
		t.Fatal(err)
	}
	partition, err := oti.Partition()
	if err != nil {
		t.Fatal(err)
	}
	r.Add(1, 1, partition, nil)
	buffer := make([]byte, 0, 64)
	esi := 0
	got := testing.AllocsPerRun(200, func() {
		if _, err := r.Symbol(buffer, 1, 1, esi%60); err != nil {
			t.Fatal(err)
		}
		if esi++; esi%7 == 0 {
			r.Flush()
		}
	})
	if got > 0 {
		t.Errorf("%v allocations a symbol", got)
	}
}
