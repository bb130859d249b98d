package edgecache

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// block returns the bytes of a source block.
func (m *made) block(sbn uint32) []byte { return m.bytes[m.part.Offset(sbn):][:m.part.Length(sbn)] }

// TestBlocksAndSymbols mixes blocks in one piece with symbols, in any order.
func TestBlocksAndSymbols(t *testing.T) {
	for _, inline := range []int{0, 4000} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("inline %d seed %d", inline, seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 5))
				o := newOrigin(t)
				o.inline = inline
				cfg := o.config(t.TempDir())
				cfg.MemoryBytes = 2 << 10 // symbols are spilled into blocks that come whole then
				e := openEdge(t, o, cfg)
				text := string(random(seed, 12_001))
				m := o.publish(file("/a", text))
				e.apply(m)
				if err := e.Begin(1, m.part.OTI()); err != nil {
					t.Fatal(err)
				}
				stored := map[uint32]bool{}
				for _, a := range arrivals(m, rng) {
					if rng.IntN(3) == 0 {
						err := e.StoreBlock(1, a.sbn, m.block(a.sbn))
						if err != nil && !errors.Is(err, ErrUnknown) { // it is ready
							t.Fatal(err)
						}
						stored[a.sbn] = true
					} else if err := e.Symbol(1, a.sbn, a.esi, m.symbol(t, a.sbn, a.esi)); err != nil && !errors.Is(err, ErrMemory) && !errors.Is(err, ErrUnknown) {
						t.Fatal(err)
					}
				}
				for sbn := range m.part.Blocks() {
					if !stored[sbn] {
						e.receive(m, sbn)
					}
				}
				e.commit(m)
				e.want(at("/a"), 200, text)
				if s := e.Stats(); s.BlocksWritten != uint64(m.part.Blocks()) || s.BlocksPoisoned != 0 {
					t.Errorf("%d blocks: %+v", m.part.Blocks(), s)
				}
			})
		}
	}
}

func TestStoreBlockArguments(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	m := o.publish(file("/a", string(random(1, 5000))))
	if err := e.StoreBlock(1, 0, m.block(0)); !errors.Is(err, ErrUnknown) {
		t.Errorf("before Begin: %v", err)
	}
	if err := e.Begin(1, m.part.OTI()); err != nil {
		t.Fatal(err)
	}
	if err := e.StoreBlock(1, 0, m.block(0)); !errors.Is(err, ErrUnknown) {
		t.Errorf("before the entry: %v", err)
	}
	e.apply(m)
	if err := e.Begin(1, m.part.OTI()); err != nil {
		t.Fatal(err)
	}
	last := m.part.Blocks() - 1
	tests := []struct {
		name  string
		sbn   uint32
		bytes []byte
		want  error
	}{
		{"short", 0, m.block(0)[1:], ErrSymbol},
		{"long", 0, append([]byte{0}, m.block(0)...), ErrSymbol},
		{"empty", 0, nil, ErrSymbol},
		{"padded", last, make([]byte, m.part.Length(last)+1), ErrSymbol},
		{"no such block", last + 1, m.block(0), ErrSymbol},
		{"far block", 1<<32 - 1, m.block(0), ErrSymbol},
		{"wrong", 0, make([]byte, m.part.Length(0)), ErrDigest},
		{"good", 0, m.block(0), nil},
		{"again", 0, m.block(0), nil},
		{"wrong, but there", 0, make([]byte, m.part.Length(0)), nil},
	}
	for _, test := range tests {
		if err := e.StoreBlock(1, test.sbn, test.bytes); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if whole := e.Whole(1); len(whole) != 1 || whole[0] != (BlockRange{0, 1}) {
		t.Errorf("whole: %v", whole)
	}
}

// TestStoredBlockBeforeItsDigest turns out wrong when the manifest comes.
func TestStoredBlockBeforeItsDigest(t *testing.T) {
	o := newOrigin(t)
	o.inline = 0
	e := openEdge(t, o, o.config(t.TempDir()))
	text := string(random(3, 12_000))
	m := o.publish(file("/a", text))
	e.apply(m)
	if err := e.Begin(1, m.part.OTI()); err != nil {
		t.Fatal(err)
	}
	last := m.part.Blocks() - 1
	if err := e.StoreBlock(1, last, make([]byte, m.part.Length(last))); err != nil {
		t.Fatal(err)
	}
	for sbn := range last {
		if err := e.StoreBlock(1, sbn, m.block(sbn)); err != nil {
			t.Fatal(err)
		}
	}
	if bad := e.Poisoned(); len(bad) != 1 || bad[0] != (Block{1, last}) {
		t.Fatalf("poisoned: %v", bad)
	}
	e.commit()
	if err := e.StoreBlock(1, last, m.block(last)); err != nil {
		t.Fatal(err)
	}
	e.commit(m)
	e.want(at("/a"), 200, text)
}

// TestStoreBlockOnABadDisk fails the bundle, as any block does.
func TestStoreBlockOnABadDisk(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	m := o.publish(file("/a", string(random(3, 12_000))))
	e.apply(m)
	if err := e.Begin(1, m.part.OTI()); err != nil {
		t.Fatal(err)
	}
	e.disk.writeAt = func(*os.File, []byte, int64) error { return unix.EIO }
	if err := e.StoreBlock(1, 0, m.block(0)); !errors.Is(err, ErrFailed) {
		t.Errorf("%v, want ErrFailed", err)
	}
	if s := e.State(); len(s.Failed) != 1 {
		t.Errorf("%+v", s)
	}
}
