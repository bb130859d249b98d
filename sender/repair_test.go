package sender

import (
	"slices"
	"testing"
	"time"

	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

func testObject(t *testing.T, sequence uint64, symbols, k int) *object {
	t.Helper()
	o, err := newObject(ObjectInfo{TOI: wire.DataTOI(sequence), OTI: fec.OTI{
		TransferLength: uint64(symbols) * 10, SymbolLength: 10, MaxBlock: uint16(k), MaxSymbols: uint16(2 * k),
	}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

var anyone payer

func TestRepairsInOrderOfAsking(t *testing.T) {
	r := newRepairs(10, newPurse(maxRate))
	o := testObject(t, 1, 400, 100)
	r.ask(0, r.open(0, o, 1, 100), 100, 51, &anyone) // more than half of the block
	for _, sbn := range []uint32{2, 0, 3} {
		r.ask(0, r.open(0, o, sbn, 100), 100, 2, &anyone)
	}
	r.ask(1, r.find(o.toi, 2), 100, 3, &anyone) // does not lose its place
	var got []uint32
	for sequence := uint32(1); r.next(Normal.rank()) != nil; sequence++ {
		b := r.next(Normal.rank())
		got = append(got, b.sbn)
		if drained := r.sent(2, b, sequence); drained != (r.next(Normal.rank()) == nil) {
			t.Errorf("drained is %v", drained)
		}
	}
	if want := []uint32{2, 2, 2, 0, 0, 3, 3, 1, 1}; len(got) != 7+51 || !slices.Equal(got[:len(want)], want) {
		t.Fatalf("sent %d symbols, %v...", len(got), got[:9])
	}
	if r.queued != 0 || r.idle.length != 4 {
		t.Errorf("queued %d, idle %d", r.queued, r.idle.length)
	}
}

func TestRepairsLimit(t *testing.T) {
	r := newRepairs(2, newPurse(maxRate))
	o := testObject(t, 1, 100, 10)
	a, b := r.open(0, o, 0, 10), r.open(0, o, 1, 10)
	r.ask(0, a, 10, 1, &anyone)
	r.ask(0, b, 10, 1, &anyone)
	if r.open(mono.Time(time.Hour), o, 2, 10) != nil {
		t.Error("a block with symbols to send lost its place")
	}
	r.sent(0, a, 1)
	if r.open(mono.Time(repairKeepLeast)-1, o, 2, 10) != nil {
		t.Error("a block lost its place at once")
	}
	if r.open(mono.Time(repairKeepLeast), o, 2, 10) == nil || r.find(o.toi, 0) != nil || len(r.table) != 2 {
		t.Error("the idle block did not give way")
	}
}

func TestRepairsSweepAndDrop(t *testing.T) {
	r := newRepairs(100, newPurse(maxRate))
	o, other := testObject(t, 1, 100, 10), testObject(t, 2, 100, 10)
	for sbn := range uint32(4) {
		r.ask(0, r.open(0, o, sbn, 10), 10, 3, &anyone)
		r.open(0, other, sbn, 10)
	}
	r.dropObject(o)
	if len(r.table) != 4 || r.queued != 0 || r.next(Normal.rank()) != nil {
		t.Errorf("%d blocks, %d symbols left", len(r.table), r.queued)
	}
	r.sweep(mono.Time(repairKeep) + 1)
	if len(r.table) != 0 {
		t.Errorf("%d blocks after the sweep", len(r.table))
	}
}
