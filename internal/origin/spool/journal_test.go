package spool

import "testing"

// A bundle goes into the log if it is small, and as long as there is room.
func TestJournalRoom(t *testing.T) {
	j := journal{}
	if j.room(journalBundle + 1) {
		t.Error("room for a long one")
	}
	added := uint64(0)
	for ; j.room(journalBundle) && added < 1000; added++ {
		j.add(added, journalBundle)
	}
	if added != 32 { // 16 MiB of 512 KiB each
		t.Errorf("room for %d", added)
	}
	j.remove([]uint64{0})
	if !j.room(journalBundle) {
		t.Error("no room after one has gone")
	}
}
