package origin

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"fanfare/fec"
)

func TestPayloads(t *testing.T) {
	s := newSpool(t.TempDir())
	p := newPayloads(s)
	defer p.close()
	oti := fec.OTI{SymbolLength: 64, MaxBlock: 4, MaxSymbols: 12}
	rng := rand.NewChaCha8([32]byte{3})
	// More bundles than files may be open, each of 3 blocks, the last symbol not full.
	contents := make(map[uint64][]byte)
	for sequence := uint64(1); sequence <= openFiles+5; sequence++ {
		content := make([]byte, 64*10-int(sequence)%60)
		rng.Read(content)
		if err := os.WriteFile(s.path(sequence), content, 0o600); err != nil {
			t.Fatal(err)
		}
		contents[sequence] = content
		oti.TransferLength = uint64(len(content))
		partition, err := oti.Partition()
		if err != nil {
			t.Fatal(err)
		}
		p.add(uint32(sequence), sequence, partition, nil)
	}
	for range 2000 {
		sequence := 1 + uint64(rng.Uint64()%uint64(len(contents)))
		partition := p.sources[uint32(sequence)].partition
		sbn := uint32(rng.Uint64() % uint64(partition.Blocks()))
		k := partition.SourceSymbols(sbn)
		block := make([]byte, 4*64)[:k*64]
		copy(block, contents[sequence][partition.Offset(sbn):])
		esi := int(rng.Uint64() % 12)
		symbol, err := p.symbol([]byte("head"), uint32(sequence), sbn, esi)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(symbol, append([]byte("head"), wantSymbol(t, block, k, esi)...)) {
			t.Fatalf("bundle %d, block %d, ESI %d of k = %d is wrong", sequence, sbn, esi, k)
		}
		if p.open > openFiles || len(p.blocks) > cachedBlocks {
			t.Fatalf("%d open files, %d blocks", p.open, len(p.blocks))
		}
	}
	p.forget(1)
	if _, err := p.symbol(nil, 1, 0, 0); err == nil {
		t.Error("a forgotten object was read")
	}
	if err := os.Truncate(s.path(2), 3); err != nil {
		t.Fatal(err)
	}
	if _, err := p.symbol(nil, 2, 0, 0); err == nil {
		t.Error("a short file was read")
	}
}

func wantSymbol(t *testing.T, block []byte, k, esi int) []byte {
	t.Helper()
	if esi < k {
		return block[esi*64 : (esi+1)*64]
	}
	encoder, err := fec.NewEncoder(k, 12, 64)
	if err != nil {
		t.Fatal(err)
	}
	var source [][]byte
	for i := range k {
		source = append(source, block[i*64:(i+1)*64])
	}
	symbol := make([]byte, 64)
	if err := encoder.Encode(source, esi, [][]byte{symbol}); err != nil {
		t.Fatal(err)
	}
	return symbol
}

// An entry that is longer than a symbol is cut into one block.
func TestControlOTI(t *testing.T) {
	for _, length := range []int{1, 1408, 1409, 4096} {
		oti := controlOTI(length, 1408)
		partition, err := oti.Partition()
		if err != nil || partition.Blocks() != 1 || int(oti.TransferLength) != length {
			t.Errorf("%d bytes: %+v, %d blocks, %v", length, oti, partition.Blocks(), err)
		}
		if length <= 1408 && int(oti.SymbolLength) != length {
			t.Errorf("%d bytes in symbols of %d", length, oti.SymbolLength)
		}
	}
}
