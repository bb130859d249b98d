package edgecache

import (
	"bytes"
	"errors"
	"testing"

	"fanfare/control"
)

// checkSigned wants exactly these entries from Signed.
func checkSigned(t *testing.T, e *edge, want ...*made) {
	t.Helper()
	raw, err := e.Signed()
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) != len(want) {
		t.Fatalf("%d entries, want %d", len(raw), len(want))
	}
	for i := range raw {
		if !bytes.Equal(raw[i], want[i].raw) {
			t.Errorf("entry %d is not the one of sequence %d", i, want[i].sequence())
		}
	}
}

// TestSigned keeps the entry at the mark, and finds the highest above it, restarts included. An entry
// that breaks the chain is neither, nor does it count as here.
func TestSigned(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	checkSigned(t, e)
	one, two, three := o.publish(file("/a", "one")), o.purge(purgeAll()), o.purge(purgeAll())
	e.apply(one)
	if err := e.bringRest(one); err != nil {
		t.Fatal(err)
	}
	checkSigned(t, e, one)
	e.apply(three)
	for range 2 {
		checkSigned(t, e, one, three)
		if s := e.State(); s.Newest != 3 || s.Hash != two.entry.Previous {
			t.Errorf("newest %d, hash %v", s.Newest, s.Hash)
		}
		e.reopen()
	}
	e.apply(two)
	checkSigned(t, e, three)

	// An origin that forgot entry 3 makes another, and goes on.
	o.sequence, o.previous = 2, three.entry.Previous
	o.purge(purgeKey("/a"))
	other := o.publish(file("/a", "other"))
	if err := e.Apply(other.raw, other.entry); !errors.Is(err, control.ErrChain) {
		t.Errorf("an entry of another log: %v", err)
	}
	for range 2 {
		checkSigned(t, e, three)
		if mark, highest := e.Position(); mark != 3 || highest != 3 {
			t.Errorf("mark %d, highest %d", mark, highest)
		}
		e.reopen()
	}
}
