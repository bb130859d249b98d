package spool

import "testing"

// A bundle goes into the log if it is small, and as long as there is room.
func TestJournalRoom(t *testing.T) {
	j := journal{}
	for range journalRoom/journalBundle + 1 {
		if j.room(journalBundle) != (j.sum < journalRoom) || j.room(journalBundle+1) {
			t.Fatalf("room with %d bytes", j.sum)
		}
		j.add(uint64(len(j.bytes)), journalBundle)
	}
}
