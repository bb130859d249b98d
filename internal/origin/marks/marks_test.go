package marks

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"fanfare/control"
)

// length is that of the log of these tests: longer than the table remembers.
const length = recent + 100_000

// entry is an entry of it.
func entry(sequence uint64) []byte { return binary.BigEndian.AppendUint64(nil, sequence) }

// front is what a report tells of an entry.
func front(sequence uint64) Hash {
	hash := control.HashEntry(entry(sequence))
	return Hash(hash[:])
}

// newTable returns the table of the log, and counts what is read of it.
func newTable(reads *int) *Table {
	t := New(func(sequence uint64) ([]byte, error) {
		*reads++
		if sequence == 7 {
			return nil, errors.New("a bad disk")
		}
		return entry(sequence), nil
	})
	for sequence := range uint64(length) {
		t.Add(sequence+1, control.HashEntry(entry(sequence+1)))
	}
	return t
}

// run has the table look up until the end of the bubble.
func run(t *testing.T, table *Table) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { table.Run(ctx); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
}

// TestJudge: recent entries at once, others when they have been looked up.
func TestJudge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		table := newTable(&reads)
		run(t, table)
		for _, test := range []struct {
			sequence     uint64
			later        bool
			right, wrong Answer
		}{
			{length, false, Yes, No},
			{length - recent + 1, false, Yes, No},
			{length - recent, true, Yes, No},
			{1, true, Yes, No},
			{7, true, Yes, Yes}, // nobody knows
		} {
			if got := table.Judge(test.sequence, front(test.sequence)); (got == Later) != test.later || got == No {
				t.Errorf("entry %d: %d at first", test.sequence, got)
			}
			time.Sleep(2 * pause)
			if got := table.Judge(test.sequence, front(test.sequence)); got != test.right {
				t.Errorf("entry %d: %d, want %d", test.sequence, got, test.right)
			}
			if got := table.Judge(test.sequence, front(test.sequence+1)); got != test.wrong {
				t.Errorf("entry %d with another hash: %d, want %d", test.sequence, got, test.wrong)
			}
		}
		if reads != 3 {
			t.Errorf("%d reads of the log", reads)
		}
	})
}

// TestFlood: invented reports of marks that are anywhere, as many as the loop looks at. Who judges them reads
// nothing of the log, whoever does reads no more than is promised, and edges that are far behind and report
// once a second are judged within seconds.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		table := newTable(&reads)
		rng := rand.New(rand.NewPCG(1, 2))
		for range 10 * waiting {
			table.Judge(1+rng.Uint64N(length-recent), Hash{})
		}
		if reads != 0 {
			t.Fatalf("%d reads of the log by who judges", reads)
		}
		run(t, table)
		begun := time.Now()
		over := make(chan struct{})
		flooded := make(chan struct{})
		go func() {
			defer close(flooded)
			for {
				select {
				case <-over:
					return
				case <-time.After(time.Second / 4000):
					table.Judge(1+rng.Uint64N(length-recent), Hash{})
				}
			}
		}()
		const edges = 10
		reports := 0
		for mark := uint64(100); mark < 100+edges; mark++ {
			for table.Judge(mark, front(mark)) == Later {
				reports++
				time.Sleep(time.Second + 10*time.Microsecond*time.Duration(reports%100))
			}
			if table.Judge(mark, front(mark)) != Yes {
				t.Error("an edge that follows is taken for one that does not")
			}
		}
		close(over)
		<-flooded
		if mean := reports / edges; mean > 16 {
			t.Errorf("an edge is judged by its report number %d", mean)
		}
		if most := int(time.Since(begun)/pause) + 1; reads > most || reads < most/2 {
			t.Errorf("%d reads of the log in %v, at most %d", reads, time.Since(begun), most)
		}
	})
}
