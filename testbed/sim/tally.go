package sim

import (
	"sort"

	"fanfare/internal/mono"
)

// tally is the simulator's own account of one block, kept in full where the sender's is short:
// the packet of every transmission, and the most that any ask called for.
type tally struct {
	// sequences are of all transmissions by this instance of the sender; earlier counts those
	// of instances before.
	sequences []uint32
	earlier   int
	called    int
	// unasked counts those that the sender sent on its own account beyond the source symbols.
	unasked int
	// margin counts those that it added to what edges asked for.
	margin int
	// useful is the last transmission that completed the block at an edge.
	useful int
	// passed is when the last of as many symbols was sent as the block has source symbols, whole when
	// the last edge had it.
	passed, whole mono.Time
}

// transmit notes a transmission and returns its number, from 1.
func (t *tally) transmit(sequence uint32, unasked, margin bool) uint32 {
	t.sequences = append(t.sequences, sequence)
	switch {
	case unasked:
		t.unasked++
	case margin:
		t.margin++
	}
	return uint32(t.total())
}

// ask notes that an edge which has seen packets up to sequence needs more.
func (t *tally) ask(sequence uint32, need int) {
	seen := sort.Search(len(t.sequences), func(i int) bool { return int32(t.sequences[i]-sequence) > 0 })
	t.called = max(t.called, seen+need)
}

// complete notes which transmission completed the block at an edge.
func (t *tally) complete(transmission uint32) { t.useful = max(t.useful, int(transmission)) }

// restart says that the sender's instance is gone.
func (t *tally) restart() {
	t.earlier += len(t.sequences)
	t.sequences, t.called, t.unasked, t.margin = nil, 0, 0, 0
}

func (t *tally) total() int { return t.earlier + len(t.sequences) }

// twice returns how many transmissions nobody called for, beyond those of the first pass of a block
// of k source symbols, and beyond margins. After a restart there is no first pass.
func (t *tally) twice(k int) int {
	first := k + t.unasked
	if t.earlier > 0 {
		first = 0
	}
	return max(0, len(t.sequences)-max(first, t.called)-t.margin)
}

// surplus returns how many transmissions came after the last that was of use.
func (t *tally) surplus() int { return t.total() - t.useful }

// trace is a hash of what happened.
type trace uint64

const traceStart trace = 14695981039346656037

// add mixes in three numbers.
func (t *trace) add(a, b, c uint64) {
	for _, v := range [...]uint64{a, b, c} {
		x := (uint64(*t) ^ v) * 0x9e3779b97f4a7c15
		*t = trace(x ^ x>>29)
	}
}
