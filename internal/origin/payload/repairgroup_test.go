package payload

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"fanfare/fec"
)

// Repair symbols of blocks that take turns, and that push each other out of memory, are right one
// after the other and when a block is asked from elsewhere, up to the last there is.
func TestRepairGroup(t *testing.T) {
	const k, n, length, blocks = 5, 12, 64, cachedBlocks + 2
	dir := t.TempDir()
	r := testReader(dir)
	defer r.Close()
	content := make([]byte, k*length*blocks)
	rng := rand.NewChaCha8([32]byte{9})
	_, _ = rng.Read(content)
	if err := os.WriteFile(bundlePath(dir, 1), content, 0o600); err != nil {
		t.Fatal(err)
	}
	oti := fec.OTI{TransferLength: uint64(len(content)), SymbolLength: length, MaxBlock: k, MaxSymbols: n}
	partition, err := oti.Partition()
	if err != nil {
		t.Fatal(err)
	}
	r.Add(1, 1, partition, nil)
	check := func(sbn, esi int) {
		t.Helper()
		got, err := r.Symbol(make([]byte, 0, length), 1, uint32(sbn), esi)
		if err != nil {
			t.Fatal(err)
		}
		if want := wantSymbol(t, content[sbn*k*length:(sbn+1)*k*length], k, esi); !bytes.Equal(got, want) {
			t.Fatalf("block %d, ESI %d is wrong", sbn, esi)
		}
	}
	for _, turns := range []int{1, 8, blocks} {
		for esi := k; esi < n; esi++ {
			for sbn := range turns {
				check(sbn, esi)
			}
		}
	}
	for range 2000 {
		check(int(rng.Uint64()%blocks), k+int(rng.Uint64()%(n-k)))
	}
	if _, err := r.Symbol(make([]byte, 0, length), 1, 0, n); err == nil {
		t.Error("a repair symbol beyond the last")
	}
	check(0, n-1)
}

// A group is computed once.
func TestRepairGroupOnce(t *testing.T) {
	const k, n, length = 5, 12, 64
	encoder, err := fec.NewEncoder(k, n, length)
	if err != nil {
		t.Fatal(err)
	}
	source := make([][]byte, k)
	for i := range source {
		source[i] = make([]byte, length)
	}
	var g repairGroup
	var firsts []int
	for esi := k; esi < n; esi++ {
		if !g.has(esi) {
			if err := g.encode(encoder, source, esi, n); err != nil {
				t.Fatal(err)
			}
			firsts = append(firsts, esi)
		}
	}
	if want := 1 + (n-k-1)/groupSize; len(firsts) != want {
		t.Errorf("computed from ESI %v on, want %d times", firsts, want)
	}
	if g.has(k) || g.has(n) {
		t.Error("the last group has symbols that are not its")
	}
	g.clear()
	if g.has(n - 1) {
		t.Error("an empty group has a symbol")
	}
}
