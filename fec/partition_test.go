package fec

import (
	"testing"

	"pgregory.net/rapid"
)

// TestPartition: T = ceil(L/E), N = ceil(T/B), and the first T - floor(T/N)·N blocks have
// one symbol more (RFC 5052 §9.1), worked out by hand.
func TestPartition(t *testing.T) {
	tests := []struct {
		name   string
		oti    OTI
		blocks uint32
		first  int   // k of the first block
		last   int   // k of the last block
		large  int   // how many blocks have more symbols than the last
		tail   int64 // bytes of the object in the last block
	}{
		{"empty", OTI{0, 100, 4, 7}, 0, 0, 0, 0, 0},
		{"one byte", OTI{1, 100, 4, 7}, 1, 1, 1, 0, 1},
		{"one symbol", OTI{100, 100, 4, 7}, 1, 1, 1, 0, 100},
		{"a byte more", OTI{101, 100, 4, 7}, 1, 2, 2, 0, 101},
		{"a full block", OTI{400, 100, 4, 7}, 1, 4, 4, 0, 400},
		{"a symbol more", OTI{401, 100, 4, 7}, 2, 3, 2, 1, 101},
		{"T = 10, N = 3", OTI{1000, 100, 4, 7}, 3, 4, 3, 1, 300},
		{"T = 11, N = 3", OTI{1001, 100, 4, 7}, 3, 4, 3, 2, 201},
		{"T = 12, N = 3", OTI{1200, 100, 4, 7}, 3, 4, 4, 0, 400},
		{"1 MiB", OTI{1 << 20, 1408, 200, 255}, 4, 187, 186, 1, 186*1408 - 384},
		{"B = 1", OTI{250, 100, 1, 1}, 3, 1, 1, 0, 50},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := tt.oti.Partition()
			if err != nil {
				t.Fatal(err)
			}
			if p.Blocks() != tt.blocks {
				t.Fatalf("%d blocks, want %d", p.Blocks(), tt.blocks)
			}
			last := max(1, tt.blocks) - 1
			if k := p.SourceSymbols(0); k != tt.first {
				t.Errorf("the first block has %d source symbols, want %d", k, tt.first)
			}
			if k := p.SourceSymbols(last); k != tt.last {
				t.Errorf("the last block has %d source symbols, want %d", k, tt.last)
			}
			large := 0
			for p.SourceSymbols(uint32(large)) > tt.last {
				large++
			}
			if large != tt.large {
				t.Errorf("%d large blocks, want %d", large, tt.large)
			}
			if tail := p.Length(last); tail != tt.tail {
				t.Errorf("the last block has %d bytes, want %d", tail, tt.tail)
			}
			if k, l := p.SourceSymbols(tt.blocks), p.Length(tt.blocks); k != 0 || l != 0 {
				t.Errorf("the block after the last has %d symbols and %d bytes, want none", k, l)
			}
		})
	}
}

// TestPartitionSmall checks every byte of every small object.
func TestPartitionSmall(t *testing.T) {
	for e := uint16(1); e <= 5; e++ {
		for b := uint16(1); b <= 6; b++ {
			for length := uint64(0); length <= 120; length++ {
				checkCover(t, OTI{length, e, b, 6})
			}
		}
	}
}

// checkCover tests that the blocks of an object follow each other without a gap, differ
// by at most one symbol, do not exceed B, and hold the bytes that Block says.
func checkCover(t *testing.T, o OTI) {
	t.Helper()
	p, err := o.Partition()
	if err != nil {
		t.Fatalf("%+v: %v", o, err)
	}
	var at int64
	for sbn := range p.Blocks() {
		k := p.SourceSymbols(sbn)
		first, last := p.SourceSymbols(0), p.SourceSymbols(p.Blocks()-1)
		if k < 1 || k > int(o.MaxBlock) || k > first || k < last || first-last > 1 {
			t.Fatalf("%+v: block %d has %d symbols, the first %d, the last %d", o, sbn, k, first, last)
		}
		if p.Offset(sbn) != at {
			t.Fatalf("%+v: block %d begins at %d, want %d", o, sbn, p.Offset(sbn), at)
		}
		length := p.Length(sbn)
		padding := int64(k)*int64(o.SymbolLength) - length
		if padding < 0 || padding >= int64(o.SymbolLength) || padding > 0 && sbn != p.Blocks()-1 {
			t.Fatalf("%+v: block %d of %d has %d bytes of padding", o, sbn, p.Blocks(), padding)
		}
		for i := at; i < at+length; i++ {
			if got := p.Block(i); got != sbn {
				t.Fatalf("%+v: byte %d lies in block %d, but Block says %d", o, i, sbn, got)
			}
		}
		at += length
	}
	if uint64(at) != o.TransferLength {
		t.Fatalf("%+v: the blocks hold %d bytes", o, at)
	}
}

// TestPartitionLarge draws objects up to the longest there can be, and bytes in them.
func TestPartitionLarge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := OTI{
			TransferLength: rapid.Uint64Range(1, MaxTransferLength).Draw(t, "L"),
			SymbolLength:   rapid.Uint16Range(600, 65535).Draw(t, "E"),
			MaxBlock:       rapid.Uint16Range(128, MaxSymbols).Draw(t, "B"),
			MaxSymbols:     MaxSymbols,
		}
		p, err := o.Partition()
		if err != nil {
			t.Fatal(err)
		}
		offset := rapid.Int64Range(0, int64(o.TransferLength)-1).Draw(t, "offset")
		sbn := p.Block(offset)
		if sbn >= p.Blocks() || offset < p.Offset(sbn) || offset >= p.Offset(sbn)+p.Length(sbn) {
			t.Fatalf("byte %d is not in block %d, [%d, +%d)", offset, sbn, p.Offset(sbn), p.Length(sbn))
		}
		end := p.Offset(p.Blocks()) - int64(o.TransferLength)
		if end < 0 || end >= int64(o.SymbolLength) {
			t.Fatalf("the last block ends %d bytes after the object", end)
		}
		if last := p.Blocks() - 1; p.Block(int64(o.TransferLength)-1) != last {
			t.Fatalf("the last byte is not in the last block, %d", last)
		}
	})
}
