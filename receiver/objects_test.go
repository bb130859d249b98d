package receiver

import (
	"slices"
	"testing"

	"fanfare/internal/wire"
)

func TestObjectsOldestFirst(t *testing.T) {
	s := newObjects()
	wrapped := wire.DataTOI(1<<31 - 1) // sequence 2^31-1 is the last before the numbers begin again
	for _, toi := range []uint32{wire.DataTOI(9), 4, wrapped, wire.DataTOI(2), 3} {
		s.add(&object{toi: toi})
	}
	var got []uint32
	for _, o := range s.order {
		got = append(got, o.toi)
	}
	if want := []uint32{3, 4, wrapped, wire.DataTOI(2), wire.DataTOI(9)}; !slices.Equal(got, want) {
		t.Errorf("order %x, want %x", got, want)
	}
}

func TestObjectsOver(t *testing.T) {
	s := newObjects()
	for toi := range uint32(maxOver + 10) {
		s.finish(toi + 1)
	}
	if len(s.over) != maxOver || len(s.ring) != maxOver || s.isOver(10) || !s.isOver(11) {
		t.Errorf("%d over, %d in the ring", len(s.over), len(s.ring))
	}
	s.revive(20)
	s.revive(20)
	s.finish(5)
	s.finish(6) // takes the place of the oldest, 11
	if s.isOver(20) || s.isOver(11) || !s.isOver(12) || !s.isOver(5) || len(s.over) != len(s.ring) {
		t.Errorf("%d over, %d in the ring", len(s.over), len(s.ring))
	}
}
