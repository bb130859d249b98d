package payload

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"fanfare/fec"
)

func TestPayloads(t *testing.T) {
	dir := t.TempDir()
	r := testReader(dir)
	defer r.Close()
	oti := fec.OTI{SymbolLength: 64, MaxBlock: 4, MaxSymbols: 12}
	rng := rand.NewChaCha8([32]byte{3})
	// More bundles than files may be open, each of 3 blocks, the last symbol not full.
	contents := make(map[uint64][]byte)
	for sequence := uint64(1); sequence <= openFiles+5; sequence++ {
		content := make([]byte, 64*10-int(sequence)%60)
		rng.Read(content)
		if err := os.WriteFile(bundlePath(dir, sequence), content, 0o600); err != nil {
			t.Fatal(err)
		}
		contents[sequence] = content
		oti.TransferLength = uint64(len(content))
		partition, err := oti.Partition()
		if err != nil {
			t.Fatal(err)
		}
		r.Add(uint32(sequence), sequence, partition, nil)
	}
	for range 2000 {
		sequence := 1 + uint64(rng.Uint64()%uint64(len(contents)))
		partition := r.sources[uint32(sequence)].partition
		sbn := uint32(rng.Uint64() % uint64(partition.Blocks()))
		k := partition.SourceSymbols(sbn)
		block := make([]byte, 4*64)[:k*64]
		copy(block, contents[sequence][partition.Offset(sbn):])
		esi := int(rng.Uint64() % 12)
		symbol, err := r.Symbol(append(make([]byte, 0, 100), "head"...), uint32(sequence), sbn, esi)
		if failed := r.Flush(); err != nil || len(failed) > 0 {
			t.Fatal(err, failed)
		}
		if !bytes.Equal(symbol, append([]byte("head"), wantSymbol(t, block, k, esi)...)) {
			t.Fatalf("bundle %d, block %d, ESI %d of k = %d is wrong", sequence, sbn, esi, k)
		}
		if r.open > openFiles || len(r.blocks) > cachedBlocks {
			t.Fatalf("%d open files, %d blocks", r.open, len(r.blocks))
		}
	}
	r.Forget(1)
	buffer := make([]byte, 0, 64)
	if _, err := r.Symbol(buffer, 1, 0, 0); err == nil {
		t.Error("a forgotten object was read")
	}
	if err := os.Truncate(bundlePath(dir, 2), 3); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Symbol(buffer, 2, 0, 0); err != nil {
		t.Fatal(err)
	}
	if failed := r.Flush(); len(failed) != 1 || failed[0].TOI != 2 || failed[0].Err == nil {
		t.Errorf("a short file: %v", failed)
	}
}

// Symbols of interleaved blocks of several bundles are read together, and each gets its bytes,
// whatever is closed meanwhile.
func TestScatter(t *testing.T) {
	dir := t.TempDir()
	r := testReader(dir)
	defer r.Close()
	oti := fec.OTI{SymbolLength: 64, MaxBlock: 8, MaxSymbols: 12, TransferLength: 64*100 - 3}
	partition, err := oti.Partition()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	source := rand.NewChaCha8([32]byte{7})
	contents := make([][]byte, 25)
	for i := range contents {
		contents[i] = make([]byte, 64*100)
		_, _ = source.Read(contents[i][:oti.TransferLength])
		if err := os.WriteFile(bundlePath(dir, uint64(i)), contents[i][:oti.TransferLength], 0o600); err != nil {
			t.Fatal(err)
		}
		r.Add(uint32(i), uint64(i), partition, nil)
	}
	type piece struct {
		object, symbol int
		got            []byte
	}
	for _, objects := range []int{1, 3, 25} {
		next := make([]int, objects) // of each object, so that runs form
		for range 50 {
			var pieces []piece
			for range 128 {
				i := rng.IntN(objects)
				if rng.IntN(20) == 0 {
					next[i] = rng.IntN(100)
				}
				symbol := next[i] % 100
				next[i]++
				sbn, first := uint32(0), 0
				for first+partition.SourceSymbols(sbn) <= symbol {
					first += partition.SourceSymbols(sbn)
					sbn++
				}
				got, err := r.Symbol(make([]byte, 0, 64), uint32(i), sbn, symbol-first)
				if err != nil {
					t.Fatal(err)
				}
				pieces = append(pieces, piece{i, symbol, got})
				if rng.IntN(50) == 0 {
					r.closeFile(r.sources[uint32(i)])
				}
			}
			if failed := r.Flush(); len(failed) > 0 {
				t.Fatal(failed)
			}
			for _, piece := range pieces {
				if !bytes.Equal(piece.got, contents[piece.object][piece.symbol*64:][:64]) {
					t.Fatalf("%d objects: symbol %d of object %d is wrong", objects, piece.symbol, piece.object)
				}
			}
		}
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

// testReader reads bundles in a directory.
func testReader(dir string) *Reader {
	return New(func(sequence uint64) (*os.File, error) { return os.Open(bundlePath(dir, sequence)) })
}

func bundlePath(dir string, sequence uint64) string {
	return filepath.Join(dir, strconv.FormatUint(sequence, 10))
}
