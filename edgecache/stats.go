package edgecache

import "sync/atomic"

// Stats counts what a Cache did since Open, and says what it holds.
type Stats struct {
	// BlocksWritten counts source blocks written in place, BlocksDecoded those of them that
	// needed repair symbols.
	BlocksWritten, BlocksDecoded uint64
	// BlocksPoisoned counts source blocks that failed their digest.
	BlocksPoisoned uint64
	// BlocksResumed counts source blocks found whole on disk by Open.
	BlocksResumed uint64
	// BlocksSpilled counts how often an open block's symbols went to the file for want of memory.
	BlocksSpilled uint64
	// SymbolsSpilled counts repair symbols that went to a file of their own for want of memory.
	SymbolsSpilled uint64
	// BlocksEmptied counts open blocks given up for want of room for symbols.
	BlocksEmptied uint64
	// SymbolsStored counts symbols taken, SymbolsRefused those refused with an error.
	SymbolsStored, SymbolsRefused uint64

	// BundlesCommitted counts bundles that became complete.
	BundlesCommitted uint64
	// BundlesEvicted counts complete bundles that went for the size limit, BundlesDropped
	// those whose objects were purged or superseded.
	BundlesEvicted, BundlesDropped uint64
	// BundlesFailed counts how often a bundle failed to be stored.
	BundlesFailed uint64
	// BundlesLost counts complete bundles whose file was found gone, short or unreadable, by Open or a
	// request: they are wanted again.
	BundlesLost uint64
	// EntriesApplied counts entries taken for the first time.
	EntriesApplied uint64

	// Bytes is the size of the bundle files now; Bundles their number.
	Bytes   int64
	Bundles int
	// Rows is how many keys the catalogue has now.
	Rows int
	// MemoryBytes is what symbols occupy in memory now, free buffers included.
	MemoryBytes int64

	// RequestsHit counts HTTP requests answered with an object, conditional and range requests
	// included; RequestsAbsent those answered 404, RequestsUnavailable 503, RequestsInvalid 400 and
	// 405.
	RequestsHit, RequestsAbsent, RequestsUnavailable, RequestsInvalid uint64
}

// counters is the part of Stats that is counted from several goroutines.
type counters struct {
	blocksWritten, blocksDecoded, blocksPoisoned, blocksResumed atomic.Uint64
	blocksSpilled, symbolsSpilled, blocksEmptied                atomic.Uint64
	symbolsStored, symbolsRefused                               atomic.Uint64
	bundlesCommitted, bundlesEvicted, bundlesDropped            atomic.Uint64
	bundlesFailed, bundlesLost, entriesApplied                  atomic.Uint64
	requestsHit, requestsAbsent, requestsUnavailable            atomic.Uint64
	requestsInvalid                                             atomic.Uint64
	memoryBytes                                                 atomic.Int64
}

// fill copies the counters into s.
func (c *counters) fill(s *Stats) {
	s.BlocksWritten, s.BlocksDecoded = c.blocksWritten.Load(), c.blocksDecoded.Load()
	s.BlocksPoisoned, s.BlocksResumed = c.blocksPoisoned.Load(), c.blocksResumed.Load()
	s.BlocksSpilled, s.BlocksEmptied = c.blocksSpilled.Load(), c.blocksEmptied.Load()
	s.SymbolsSpilled = c.symbolsSpilled.Load()
	s.SymbolsStored, s.SymbolsRefused = c.symbolsStored.Load(), c.symbolsRefused.Load()
	s.BundlesCommitted = c.bundlesCommitted.Load()
	s.BundlesEvicted, s.BundlesDropped = c.bundlesEvicted.Load(), c.bundlesDropped.Load()
	s.BundlesFailed, s.BundlesLost = c.bundlesFailed.Load(), c.bundlesLost.Load()
	s.EntriesApplied = c.entriesApplied.Load()
	s.RequestsHit, s.RequestsAbsent = c.requestsHit.Load(), c.requestsAbsent.Load()
	s.RequestsUnavailable, s.RequestsInvalid = c.requestsUnavailable.Load(), c.requestsInvalid.Load()
	s.MemoryBytes = c.memoryBytes.Load()
}
