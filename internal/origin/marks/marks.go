// Package marks tells whether the mark that an edge reports is of the origin's log.
//
// A report says up to which entry an edge has everything, and that entry's hash. Who reports
// another hash follows another log. Anybody can send reports where feedback is not sealed, so
// that judging one must cost the loop that sends next to nothing, whatever it says: the hashes of
// the newest entries are kept in memory, and all others are looked up in the log by a goroutine
// of its own, at a bounded pace. Until it has, the answer is Later; edges report again.
package marks

import (
	"context"
	"sync"
	"time"

	"fanfare/control"
	"fanfare/internal/wire"
)

const (
	// recent is of how many of the newest entries the hashes are kept, which takes 2 MB: an edge whose
	// mark is behind them is far from what is reported of anyway.
	recent = 1 << 17
	// remembered is how many hashes that were looked up are kept at most, in 0.6 MB.
	remembered = 1 << 14
	// waiting is how many look-ups may wait, and pause is between two: 500 a second, of 30 µs each
	// where the log is in the page cache. With 4,000 invented reports a second (what the loop looks
	// at) one in eight that are true is judged, which takes an edge some seconds.
	waiting = 64
	pause   = 2 * time.Millisecond
)

// Hash is as much of an entry's hash as reports tell.
type Hash = [wire.MarkHashLength]byte

// Answer is whether an entry has some hash.
type Answer uint8

const (
	// Later: that is not known now. A report that comes some milliseconds later may be answered.
	Later Answer = iota
	// Yes: it has, or what the log has cannot be read.
	Yes
	// No: it has another one.
	No
)

// Table has hashes of a log's entries. Its methods may be called from any goroutine.
type Table struct {
	read  func(sequence uint64) ([]byte, error)
	asked chan uint64

	mu sync.Mutex
	// newest is the newest entry; at sequence modulo its length, recent has the hashes of those before it.
	newest uint64
	recent []Hash
	// found has what was looked up, at sequence modulo its length; made for the first.
	found []found
}

// found is the outcome of one look-up.
type found struct {
	sequence   uint64 // 0: none
	hash       Hash
	unreadable bool
}

// New returns the table of an empty log. read returns an entry of the log as sent; it is called by Run.
func New(read func(sequence uint64) ([]byte, error)) *Table {
	return &Table{read: read, asked: make(chan uint64, waiting), recent: make([]Hash, recent)}
}

// Add takes the hash of the log's next entry.
func (t *Table) Add(sequence uint64, hash control.Hash) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.newest = sequence
	t.recent[sequence%uint64(len(t.recent))] = Hash(hash[:])
}

// Judge tells whether an entry of the log, which must not be above the newest, has a hash. It waits
// for nothing; after Later the answer is being looked for, unless too many are.
func (t *Table) Judge(sequence uint64, hash Hash) Answer {
	answer := t.look(sequence, hash)
	if answer == Later {
		select {
		case t.asked <- sequence:
		default: // it is reported again
		}
	}
	return answer
}

// look is Judge by what is known.
func (t *Table) look(sequence uint64, hash Hash) Answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.newest-sequence < uint64(len(t.recent)) {
		return is(t.recent[sequence%uint64(len(t.recent))] == hash)
	}
	if len(t.found) == 0 {
		return Later
	}
	f := &t.found[sequence%uint64(len(t.found))]
	if f.sequence != sequence {
		return Later
	}
	return is(f.unreadable || f.hash == hash)
}

func is(so bool) Answer {
	if so {
		return Yes
	}
	return No
}

// Run looks entries up until ctx ends.
func (t *Table) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case sequence := <-t.asked:
			if t.look(sequence, Hash{}) != Later {
				continue // asked for twice
			}
			t.find(sequence)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// find looks one entry up.
func (t *Table) find(sequence uint64) {
	f := found{sequence: sequence}
	raw, err := t.read(sequence)
	if err != nil {
		f.unreadable = true
	} else {
		hash := control.HashEntry(raw)
		f.hash = Hash(hash[:])
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.found == nil {
		t.found = make([]found, remembered)
	}
	t.found[sequence%uint64(len(t.found))] = f
}
