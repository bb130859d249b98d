package edgecache

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"fanfare/control"
)

// Errors of Begin, Symbol, FinishBlock and Commit.
var (
	// ErrUnknown means a bundle that has not begun, or is no longer on its way.
	ErrUnknown = errors.New("edgecache: bundle is not on its way")
	// ErrNotWanted means a bundle of whose bytes the edge has no use: all of it is here, or
	// was evicted, or nothing in it can be served any more.
	ErrNotWanted = errors.New("edgecache: bundle is not wanted")
	// ErrOTI means another object transmission information than the entry's.
	ErrOTI = errors.New("edgecache: not the bundle's object transmission information")
	// ErrLimit means too many, or too large, bundles on their way whose entries are not known.
	ErrLimit = errors.New("edgecache: too many unannounced bundles")
	// ErrFailed means a bundle that could not be stored; State says why.
	ErrFailed = errors.New("edgecache: bundle failed")
)

// Cache is an edge's store. The package comment says who may call what.
type Cache struct {
	cfg   Config
	disk  *disk
	index *index
	count counters
	ready atomic.Bool
	now   func() time.Time
	// recheckBytes is the constant of that name.
	recheckBytes int64

	// Of the loop alone.
	assembly *assembly
	incoming map[uint64]*incoming
	// recent is the one that the last symbol was of, if it is still there.
	recent   *incoming
	whole    []uint64 // for Ready
	poisoned []Block  // for Poisoned
	// scratch holds one block while it is read back.
	scratch []byte
	// unannounced is how many bytes of bundles without entry are kept, maxUnannounced how many may be.
	unannounced, maxUnannounced int64

	// stale tells the loop that bundles on their way may have been released, noticed that some were lost.
	stale, noticed atomic.Bool

	// writing is held while the catalogue and the index are changed, so that their changes
	// have one order; mu, inside it, while what requests read is changed. To read, either
	// is enough.
	writing sync.Mutex
	mu      sync.RWMutex
	// Under both.
	catalogue *control.Catalogue
	bundles   map[uint64]*bundle // known, and not released
	pending   map[uint64]*bundle // those of bundles that are neither complete nor evicted
	bytes     int64              // of all bundle files for which space is set aside

	// Under writing.
	// position counts the batches applied, onDisk those that the index has synced, durable those that
	// the next Open has or finds again by what is on disk.
	position, durable, onDisk uint64
	// applying is the entry that is being applied, as sent.
	applying struct {
		sequence uint64
		raw      []byte
	}
	drops      []drop
	state      State
	stateFresh bool
}

// phase is how far a bundle is.
type phase uint8

const (
	phaseWanted     phase = iota // announced, perhaps on its way
	phaseReady                   // every block verified; Commit is next
	phaseCommitting              // Commit is running
	phaseComplete                // durable, served
	phaseEvicted                 // was complete; its bytes went for the size limit
	phaseFailed                  // could not be stored
)

// bundle is what is known of an announced bundle.
type bundle struct {
	sequence uint64
	phase    phase
	// publish is the entry's, or what the record has of it; nil once the bundle is complete.
	publish *control.Publish
	time    int64 // of the entry, in milliseconds since 1970 UTC
	// recorded is the batch that says in the index that the bundle is complete, or lost; 0 before this
	// run.
	recorded uint64
	// losses is how often requests have found it lost.
	losses int
	// deleted has the objects that are rows no more.
	deleted control.ObjectSet
	// folded says that the entry is at or below the mark.
	folded bool
	// released says that nothing points to the bundle: Commit drops it.
	released bool
	// size is the space set aside for the file, in bytes.
	size int64
	// file is set from phaseReady until Commit closes it.
	file *os.File
	// served is when a request last hit the bundle, in nanoseconds since 1970 UTC.
	served atomic.Int64
	// modified is time as the value of a Last-Modified field, once a request has asked for it.
	modified atomic.Pointer[[]string]
	// unreadable says that a request could not read the file, and that the log has it.
	unreadable atomic.Bool
	// reason, retry: of a failure; a zero retry is never. A wanted bundle that was lost too often waits
	// until retry.
	reason string
	retry  time.Time
}

// drop is a file to unlink once what made it useless is durable.
type drop struct {
	sequence, position uint64
	size               int64
}
