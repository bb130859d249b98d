package edgecache

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOverflow keeps some thousand symbols, of which every other goes and comes again.
func TestOverflow(t *testing.T) {
	d := newDisk(t.TempDir(), 0)
	o := overflow{disk: d}
	defer o.close()
	symbol := func(i int) []byte { return bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 32) }
	slots := map[int]uint32{}
	put := func(i int) {
		t.Helper()
		slot, err := o.put(symbol(i))
		if err != nil {
			t.Fatal(err)
		}
		slots[i] = slot
	}
	for i := range 3 * overflowGrowth {
		put(i)
	}
	for i := 0; i < 3*overflowGrowth; i += 2 {
		o.drop(slots[i])
		delete(slots, i)
	}
	for i := range overflowGrowth {
		put(10_000 + i)
	}
	got := make([]byte, 64)
	for i, slot := range slots {
		if err := o.get(slot, got); err != nil || !bytes.Equal(got, symbol(i)) {
			t.Fatalf("symbol %d: %v, %v", i, got[:2], err)
		}
	}
	if o.slots != 3*overflowGrowth {
		t.Errorf("%d slots", o.slots)
	}
	if _, err := o.put(make([]byte, 63)); !errors.Is(err, errOverflow) {
		t.Errorf("a symbol of another length: %v", err)
	}
	for _, slot := range slots {
		o.drop(slot)
	}
	if info, err := o.file.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("%d bytes are left, %v", info.Size(), err)
	}
	put(1)
	if left, err := os.ReadDir(d.dir); err != nil || len(left) != 0 {
		t.Errorf("files %v, %v", left, err)
	}
}

// TestOverflowFails has the disk refuse: the block is emptied, as if there were no such file.
func TestOverflowFails(t *testing.T) {
	d := newDisk(t.TempDir(), 0)
	d.allocate = func(*os.File, int64) error { return unix.ENOSPC }
	a := newAssembly(d, 1, new(counters))
	in := &incoming{open: map[uint32]*block{}}
	b := &block{in: in, k: 4}
	in.open[0] = b
	if err := a.addRepair(b, 5, make([]byte, 64)); err != nil { // the one that a pool always has
		t.Fatal(err)
	}
	if err := a.addRepair(b, 6, make([]byte, 64)); !errors.Is(err, ErrMemory) || len(in.open) != 0 {
		t.Errorf("%v, %d blocks are open", err, len(in.open))
	}
}
