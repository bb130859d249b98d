//go:build !race

package origin

import (
	"os"
	"testing"

	"fanfare/fec"
)

// Making a symbol allocates nothing. (Under the race detector it does.)
func TestSymbolAllocates(t *testing.T) {
	s := newSpool(t.TempDir())
	p := newPayloads(s)
	defer p.close()
	oti := fec.OTI{TransferLength: 6400, SymbolLength: 64, MaxBlock: 50, MaxSymbols: 255}
	if err := os.WriteFile(s.path(1), make([]byte, 6400), 0o600); err != nil {
		t.Fatal(err)
	}
	partition, err := oti.Partition()
	if err != nil {
		t.Fatal(err)
	}
	p.add(1, 1, partition, nil)
	buffer := make([]byte, 0, 64)
	esi := 0
	got := testing.AllocsPerRun(200, func() {
		if _, err := p.symbol(buffer, 1, 1, esi%60); err != nil {
			t.Fatal(err)
		}
		if esi++; esi%7 == 0 {
			p.flush()
		}
	})
	if got > 0 {
		t.Errorf("%v allocations a symbol", got)
	}
}
