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

// TestWithdraw takes back what came of another log above a gap, complete or on its way, in force or
// not.
func TestWithdraw(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	e.deliver(o.publish(file("/a", "one")))
	sequence, previous := o.sequence, o.previous
	o.purge(purgeAll()) // never comes
	whole, begun, purge := o.publish(file("/a", "other")), o.publish(file("/b", "b"), file("/c", string(random(1, 9000)))), o.purge(purgeKey("/a"))
	e.deliver(whole)
	e.want(at("/a"), 200, "other")
	e.apply(begun, purge)
	e.receive(begun, 0)
	e.want(at("/a"), 404, "")
	for _, m := range []*made{whole, begun, purge} {
		for range 2 {
			if err := e.Withdraw(m.sequence()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := e.Withdraw(1); err != nil { // below the mark it stays
		t.Fatal(err)
	}
	o.sequence, o.previous = sequence, previous
	for range 2 {
		e.want(at("/a"), 200, "one")
		e.want(at("/b"), 404, "")
		if s := e.State(); s.Mark != 1 || s.Newest != 1 || s.Complete != 1 || len(s.Done) > 0 {
			t.Errorf("%+v", s)
		}
		if w := e.Wanted(9); len(w) > 0 {
			t.Errorf("wanted: %v", w)
		}
		e.reopen()
	}
	e.deliver(o.publish(file("/a", "two")))
	e.deliver(o.publish(file("/b", "three")))
	e.want(at("/a"), 200, "two")
	e.want(at("/b"), 200, "three")
}
