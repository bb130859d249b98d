package control

import (
	"errors"
	"fmt"
)

// Errors of a catalogue.
var (
	// ErrChannel is returned for an entry of another channel, or with another symbol length
	// than the channel's.
	ErrChannel = errors.New("control: entry of another channel")
	// ErrGeneration is returned for an entry of another generation.
	ErrGeneration = errors.New("control: entry of another generation")
	// ErrChain is returned if an entry does not follow the one before it: two signed entries
	// have the same number, or Previous is not the hash of the entry before.
	ErrChain = errors.New("control: broken hash chain")
	// ErrNoEntry is returned for a manifest whose entry has not been applied.
	ErrNoEntry = errors.New("control: manifest without entry")
)

// Config describes a catalogue.
type Config struct {
	Channel    uint32
	Generation Generation
	// SymbolLength is the encoding symbol length that bundles must have, in bytes; 0: any.
	SymbolLength uint16
}

// Catalogue is what an origin or an edge knows of a channel. One goroutine owns it, or a lock
// guards it; functions that only read (Lookup, List, Digest, ...) may run at the same time.
type Catalogue struct {
	config Config
	// mark is the sequence up to which rows are exact, hash that of the entry there.
	mark uint64
	hash Hash
	// slots has the versions of each key, at or below the mark and above it; none is empty.
	slots map[Key]*slot
	// hosts counts the slots of each host, so that a selector without host finds them.
	hosts map[string]int
	// tagged has the slots with versions that have a tag, and how many.
	tagged map[string]map[*slot]int
	// bundles has those with versions in slots, those announced above the mark, and what is known in
	// advance about others above the mark.
	bundles map[uint64]*bundle
	// overlay has the entries above the mark, floors what its purges kill.
	overlay map[uint64]*pending
	highest uint64
	floors  floors
	digest  rowSum
	changes Changes
	stats   Stats
	spare   spare
}

// pending is an entry of the overlay.
type pending struct {
	entry *Entry
	hash  Hash
}

// New returns an empty catalogue: mark 0.
func New(config Config) *Catalogue {
	c := &Catalogue{config: config}
	c.reset()
	return c
}

func (c *Catalogue) reset() {
	c.mark, c.hash, c.highest = 0, Hash{}, 0
	c.slots = make(map[Key]*slot)
	c.hosts = make(map[string]int)
	c.tagged = make(map[string]map[*slot]int)
	c.bundles = make(map[uint64]*bundle)
	c.overlay = make(map[uint64]*pending)
	c.floors = newFloors()
	c.digest = rowSum{}
	c.changes = Changes{}
	c.stats = Stats{}
}

// Apply takes an entry that Open accepted, and its HashEntry, in any order and any number of
// times; it is in force at once. The catalogue keeps e. isNew is false if nothing changed: it
// was known, or is at or below the mark. It returns an error that wraps ErrChannel, ErrGeneration,
// ErrManifest, or ErrChain if another entry with this sequence is here, or it does not follow from
// the one at the mark; then nothing changed.
func (c *Catalogue) Apply(e *Entry, hash Hash) (isNew bool, err error) {
	if err := c.admit(e); err != nil {
		return false, err
	}
	if e.Sequence <= c.mark {
		c.stats.EntriesOld++
		if e.Sequence == c.mark && hash != c.hash {
			return false, fmt.Errorf("%w: entry %d is folded with another hash", ErrChain, e.Sequence)
		}
		return false, nil
	}
	if known := c.overlay[e.Sequence]; known != nil {
		if known.hash != hash {
			return false, fmt.Errorf("%w: entry %d is known with another hash", ErrChain, e.Sequence)
		}
		c.stats.EntriesKnown++
		return false, nil
	}
	if e.Sequence == c.mark+1 && e.Previous != c.hash {
		c.stats.ChainBroken++
		return false, fmt.Errorf("%w: entry %d does not follow from entry %d as known here", ErrChain, e.Sequence, c.mark)
	}
	var inline *Manifest
	if e.Kind == KindPublish && e.Publish.Manifest != nil {
		if inline = e.Publish.InlineManifest(); inline == nil {
			if err := e.Publish.Validate(); err != nil {
				return false, err
			}
			inline = e.Publish.InlineManifest()
		}
	}
	c.stats.EntriesApplied++
	c.overlay[e.Sequence] = &pending{e, hash}
	c.highest = max(c.highest, e.Sequence)
	if e.Kind == KindPublish {
		b := c.bundle(e.Sequence)
		if inline != nil {
			c.attach(b, inline.Objects, nil)
		}
		return true, nil
	}
	c.enforce(e)
	return true, nil
}

// admit checks that the entry is for this catalogue.
func (c *Catalogue) admit(e *Entry) error {
	if e.Channel != c.config.Channel {
		return fmt.Errorf("%w: channel %d, this is %d", ErrChannel, e.Channel, c.config.Channel)
	}
	if e.Generation != c.config.Generation {
		return fmt.Errorf("%w: generation %v, this is %v", ErrGeneration, e.Generation, c.config.Generation)
	}
	if e.Kind == KindPublish {
		if want := c.config.SymbolLength; want != 0 && e.Publish.OTI.SymbolLength != want {
			return fmt.Errorf("%w: symbols of %d bytes, %d are the channel's", ErrChannel, e.Publish.OTI.SymbolLength, want)
		}
	}
	return nil
}

// enforce puts an entry of the overlay that kills or retires into force.
func (c *Catalogue) enforce(e *Entry) {
	c.floors.raise(e)
	for _, s := range e.Retire {
		b := c.bundles[s]
		if b == nil && s > c.mark {
			b = c.bundle(s)
		}
		if b != nil && (b.retiredBy == 0 || b.retiredBy > e.Sequence) {
			b.retiredBy = e.Sequence
		}
	}
}

// AddManifest takes the manifest of a bundle, as DecodeManifest returned it. One that is known
// already, or is of an entry at or below the mark, is ignored. It returns ErrNoEntry if the
// entry is not here, or names no bundle, and an error that wraps ErrManifest if the manifest is
// not of that bundle.
func (c *Catalogue) AddManifest(sequence uint64, m *Manifest) error {
	if sequence <= c.mark {
		return nil
	}
	p := c.overlay[sequence]
	if p == nil || p.entry.Kind != KindPublish {
		return fmt.Errorf("%w: %d", ErrNoEntry, sequence)
	}
	b := c.bundle(sequence)
	if b.hasManifest {
		return nil
	}
	if len(m.Objects) != int(p.entry.Publish.Objects) {
		return fmt.Errorf("%w: %d objects, %d announced", ErrManifest, len(m.Objects), p.entry.Publish.Objects)
	}
	c.attach(b, m.Objects, nil)
	return nil
}

// Complete says that all bytes of a bundle are here, verified and durable; it may come before the
// entry. needed is false if nothing can be served from the bundle any more, and the bytes may go.
func (c *Catalogue) Complete(sequence uint64) (needed bool) {
	b := c.bundles[sequence]
	if b == nil {
		if sequence <= c.mark {
			return false
		}
		b = c.bundle(sequence)
	}
	b.complete, b.evicted = true, false
	if sequence <= c.mark {
		for _, s := range b.slots {
			c.trim(s)
		}
	}
	return c.bundles[sequence] != nil
}

// Evicted says that the bytes of a bundle, which was complete, are gone, on purpose or not: its rows
// stay, incomplete, until Complete says that they are here again. Nothing older is served instead.
func (c *Catalogue) Evicted(sequence uint64) {
	if b := c.bundles[sequence]; b != nil {
		b.complete, b.evicted = false, true
	}
}

// Mark returns the sequence up to which the rows are exact, and the hash of that entry.
func (c *Catalogue) Mark() (uint64, Hash) { return c.mark, c.hash }

// Digest returns a digest of the rows at the mark: equal for all catalogues at the same mark.
func (c *Catalogue) Digest() Hash { return c.digest.hash() }

// Highest returns the highest sequence of all entries that are here, folded or not.
func (c *Catalogue) Highest() uint64 { return c.highest }

// Stats counts what a catalogue holds and has seen.
type Stats struct {
	// Keys is the number of rows at the mark, Versions that of all versions held.
	Keys, Versions int
	// Overlay is the number of entries above the mark.
	Overlay int
	// EntriesApplied, EntriesKnown and EntriesOld count what Apply took, knew already, or found at or
	// below the mark.
	EntriesApplied, EntriesKnown, EntriesOld uint64
	// ChainBroken counts entries that did not follow from the one before.
	ChainBroken uint64
	// RowsKilled counts versions that purges killed, RowsReplaced those that newer ones replaced.
	RowsKilled, RowsReplaced uint64
}

// Stats returns a copy.
func (c *Catalogue) Stats() Stats {
	stats := c.stats
	stats.Overlay = len(c.overlay)
	return stats
}
