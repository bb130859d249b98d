package edgecache

import (
	"cmp"
	"slices"

	"fanfare/control"
	"fanfare/fec"
)

// State is what an edge may tell the origin: all of it is durable.
type State struct {
	// Mark is the sequence up to which the catalogue is exact, Hash that of the entry there, Digest
	// that of its rows.
	Mark         uint64
	Hash, Digest control.Hash
	// Newest is the highest sequence of all entries that are here, Mark or above.
	Newest uint64
	// Complete is the sequence up to which every entry is in force and every bundle that
	// still matters is served. A bundle that the size limit evicted no longer matters, one that was
	// lost does.
	Complete uint64
	// Done has the sequences above Complete of which the same is true: ascending, apart, at
	// most MaxDone: of more, the lowest and the highest.
	Done []SequenceRange
	// Failed has the bundles that could not be stored and still matter, by sequence.
	Failed []Failure
	// Progress has the bundles on their way, by sequence.
	Progress []Progress
}

// MaxDone is the largest number of ranges in State.Done.
const MaxDone = 16

// SequenceRange is the sequences From to To, both included.
type SequenceRange struct{ From, To uint64 }

// Failure is a bundle that could not be stored, and why.
type Failure struct {
	Sequence uint64
	Reason   string
}

// Progress is how many source blocks of a bundle are in its file, of how many.
type Progress struct {
	Sequence      uint64
	Blocks, Total uint32
}

// Wanted is a bundle that should be on its way.
type Wanted struct {
	Sequence uint64
	OTI      fec.OTI
}

// Block names a source block of a bundle.
type Block struct {
	Sequence uint64
	SBN      uint32
}

// BlockRange is Count source blocks from First.
type BlockRange struct{ First, Count uint32 }

// Wanted returns up to n announced bundles, by sequence, that should be on their way: not
// complete, of use as far as is known, and not failed, or failed long enough ago. Lost ones are among
// them.
func (c *Cache) Wanted(n int) []Wanted {
	c.reap()
	c.mu.RLock()
	defer c.mu.RUnlock()
	var wanted []Wanted
	for sequence, b := range c.pending {
		if b.phase != phaseWanted && b.phase != phaseFailed || !c.due(b) || !c.catalogue.Needed(sequence) {
			continue
		}
		wanted = append(wanted, Wanted{Sequence: sequence, OTI: b.publish.OTI})
	}
	slices.SortFunc(wanted, func(a, b Wanted) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return wanted[:min(n, len(wanted))]
}

// State returns what is durable. It syncs first if anything is not; if that fails, it
// returns what was told before. The slices are shared between calls and must not be changed.
func (c *Cache) State() State {
	if err := c.Sync(); err != nil {
		c.cfg.Log.Error("index not synced", "err", err)
		return c.state
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if !c.stateFresh {
		c.state = c.tell()
		c.stateFresh = true
	}
	c.state.Progress = c.progress()
	return c.state
}

// tell computes a State but for its Progress; writing is held.
func (c *Cache) tell() State {
	s := State{Digest: c.catalogue.Digest()}
	s.Mark, s.Hash = c.catalogue.Mark()
	s.Newest = c.catalogue.Highest()
	var open []uint64
	for sequence, b := range c.pending {
		if !c.catalogue.Needed(sequence) {
			continue
		}
		open = append(open, sequence)
		if b.phase == phaseFailed {
			s.Failed = append(s.Failed, Failure{sequence, b.reason})
		}
	}
	slices.SortFunc(s.Failed, func(a, b Failure) int { return cmp.Compare(a.Sequence, b.Sequence) })
	highest := c.catalogue.Highest()
	missing := c.catalogue.Missing(highest, maxHoles)
	if len(missing) == maxHoles {
		highest = missing[maxHoles-1] // beyond it nothing is known here
	}
	open = append(open, missing...)
	slices.Sort(open)
	s.Complete, s.Done = between(slices.Compact(open), highest)
	return s
}

// maxHoles bounds the missing entries that tell looks at.
const maxHoles = 1024

// between returns, of the sequences from 1 to highest that are not in open, the end of the
// first run, if it begins at 1, and the runs after it; of more than MaxDone the lowest and the
// highest, at which old and new publications are waited for. open is ascending.
func between(open []uint64, highest uint64) (complete uint64, done []SequenceRange) {
	next := uint64(1)
	above, _ := slices.BinarySearch(open, highest+1)
	for _, hole := range append(open[:above:above], highest+1) {
		if hole > next {
			if next == 1 {
				complete = hole - 1
			} else {
				if len(done) == MaxDone {
					done = slices.Delete(done, MaxDone/2, MaxDone/2+1)
				}
				done = append(done, SequenceRange{next, hole - 1})
			}
		}
		next = hole + 1
	}
	return complete, done
}

// progress tells of the bundles on their way. The loop calls it.
func (c *Cache) progress() []Progress {
	var all []Progress
	for sequence, in := range c.incoming {
		all = append(all, Progress{Sequence: sequence, Blocks: in.written.count, Total: in.part.Blocks()})
	}
	slices.SortFunc(all, func(a, b Progress) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return all
}
