package control

import (
	"errors"
	"iter"
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

// Answer says what a catalogue knows of a key.
type Answer uint8

// The answers.
const (
	// Absent: the key is not live. Answer 404.
	Absent Answer = iota
	// Removed: absent, by a remove entry that is not folded yet.
	Removed
	// Incomplete: the key is live, but no version of it that may be served has its bytes here.
	Incomplete
	// Found: the row may be served.
	Found
)

// String returns the word for the answer, as in "found".
func (a Answer) String() string { return [...]string{"absent", "removed", "incomplete", "found"}[a&3] }

// Config describes a catalogue.
type Config struct {
	Channel    uint32
	Generation Generation
	// SymbolLength is the encoding symbol length that bundles must have, in bytes; 0: any.
	SymbolLength uint16
}

// Catalogue is what an origin or an edge knows of a channel. One goroutine owns it, or a lock
// guards it; Lookup and the other functions that only read may run at the same time.
type Catalogue struct{}

// New returns an empty catalogue: mark 0.
func New(config Config) *Catalogue { return &Catalogue{} }

// Restore replaces the state by one that a store kept: the mark and the hash of that entry, the
// rows that Changes had put and not deleted, in any order, and the bundles whose bytes are here.
// Entries above the mark, and their manifests, are then applied again.
func (c *Catalogue) Restore(mark uint64, hash Hash, rows iter.Seq[Row], complete iter.Seq[uint64]) {}

// Apply takes an entry that Open accepted, and its HashEntry, in any order and any number of
// times; it is in force at once. The catalogue keeps e. isNew is false if nothing changed: it
// was known, or is at or below the mark. It returns an error that wraps ErrChannel, ErrGeneration,
// ErrManifest, or ErrChain if another entry with this sequence is here; then nothing changed.
func (c *Catalogue) Apply(e *Entry, hash Hash) (isNew bool, err error) { return false, nil }

// AddManifest takes the manifest of a bundle, as DecodeManifest returned it; the catalogue keeps it. One
// that is known already, or is of an entry at or below the mark, is ignored. It returns ErrNoEntry
// if the entry is not here, or names no bundle.
func (c *Catalogue) AddManifest(sequence uint64, m *Manifest) error { return nil }

// Complete says that all bytes of a bundle are here, verified and durable; it may come before the
// entry. needed is false if the bundle has no live object and the bytes may go.
func (c *Catalogue) Complete(sequence uint64) (needed bool) { return false }

// Evicted says that the bytes of a bundle are gone: its rows stay, incomplete.
func (c *Catalogue) Evicted(sequence uint64) {}

// Changes is what a store must do to follow the catalogue, in one batch: all of Put, then all
// of Delete, then Mark and Hash.
type Changes struct {
	// Put are rows now at or below the mark, Delete those that are no more: dead, or older than
	// a complete one. The newest row of a key is exact as of Mark; older ones are kept to be
	// served while a newer one is incomplete.
	Put    []Row
	Delete []RowID
	Mark   uint64
	Hash   Hash
	// Folded are the entries, now at or below the mark, that a store may forget. What it needs to
	// finish an incomplete bundle (OTI, digests) it keeps until the bundle is in Released.
	Folded []uint64
	// Released are bundles that nothing points to any more: their files may go.
	Released []uint64
}

// Empty reports whether there is nothing to do.
func (c *Changes) Empty() bool {
	return len(c.Put)+len(c.Delete)+len(c.Folded)+len(c.Released) == 0
}

// Fold moves the mark as far as entries and manifests allow, and returns all changes since the last
// call. It returns an error that wraps ErrChain if the next entry does not follow from the one at the
// mark: that entry is forgotten, so that it is Missing again, and counted in Stats.
func (c *Catalogue) Fold() (Changes, error) { return Changes{}, nil }

// Lookup answers for one key. With Found the row is to be served; with Incomplete it is the newest
// version, for information. What the row points to is shared and must not be changed.
func (c *Catalogue) Lookup(key Key) (Row, Answer) { return Row{}, Absent }

// LookupRequest answers for a key from RequestKey: by the key itself, or, if that is not live, by what was
// published under its path for every host.
func (c *Catalogue) LookupRequest(key Key) (Row, Answer) { return Row{}, Absent }

// Mark returns the sequence up to which the rows are exact, and the hash of that entry.
func (c *Catalogue) Mark() (uint64, Hash) { return 0, Hash{} }

// Digest returns a digest of the rows at the mark: equal for all catalogues at the same mark.
func (c *Catalogue) Digest() Hash { return Hash{} }

// Highest returns the highest sequence applied.
func (c *Catalogue) Highest() uint64 { return 0 }

// Missing returns up to n sequences of entries, ascending, that are not here, of those up to upTo.
func (c *Catalogue) Missing(upTo uint64, n int) []uint64 { return nil }

// MissingManifests returns up to n sequences, ascending, of bundles whose manifest folding waits for.
func (c *Catalogue) MissingManifests(n int) []uint64 { return nil }

// CheckHead compares a head that OpenHead accepted with what is here. It returns an error that wraps
// ErrChannel, ErrGeneration, or ErrChain if the entry at the head is here with another hash.
func (c *Catalogue) CheckHead(h Head) error { return nil }

// LiveObjects returns how many rows, older versions included, point to a bundle; 0 while its
// manifest is not known.
func (c *Catalogue) LiveObjects(sequence uint64) int { return 0 }

// Needed reports whether the bytes of a bundle are of any use, as far as is known: an unknown bundle
// above the mark is, one that is retired, or killed by a purge of all, is not.
func (c *Catalogue) Needed(sequence uint64) bool { return false }

// Wanted returns up to n sequences, ascending, of bundles that are announced, needed and incomplete.
func (c *Catalogue) Wanted(n int) []uint64 { return nil }

// Rows yields the rows exact as of the mark, one for each key, in no order.
func (c *Catalogue) Rows() iter.Seq[Row] { return func(func(Row) bool) {} }

// List returns up to limit live keys in order, those above after whose host is that of prefix
// (any, if it has none) and whose path begins with prefix's. Each has its newest version, served or not.
func (c *Catalogue) List(prefix, after Key, limit int) []Row { return nil }

// Retirable reports whether a bundle, of which the publisher still has the manifest, has no live object and
// may be retired; purge are those of its keys that must be purged by name first, so that one who
// never saw the manifest comes to the same rows.
func (c *Catalogue) Retirable(sequence uint64, m *Manifest) (purge []Key, ok bool) { return nil, false }

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
func (c *Catalogue) Stats() Stats { return Stats{} }
