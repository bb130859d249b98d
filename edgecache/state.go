package edgecache

import (
	"fanfare/control"
	"fanfare/fec"
)

// State is what an edge may tell the origin: all of it is durable.
type State struct {
	// Mark is the sequence up to which the catalogue is exact, Digest that of its rows.
	Mark   uint64
	Digest control.Hash
	// Complete is the sequence up to which every entry is in force and every bundle that
	// still matters is served. A bundle that the size limit evicted no longer matters.
	Complete uint64
	// Done has the sequences above Complete of which the same is true: ascending, apart, at
	// most MaxDone.
	Done []SequenceRange
	// Failed has the bundles that could not be stored, by sequence.
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

// Progress is how many source blocks of a bundle are verified, of how many.
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
