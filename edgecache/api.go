package edgecache

import (
	"net/http"

	"fanfare/control"
	"fanfare/fec"
)

func open(cfg Config) (*Cache, error) { return nil, nil }
func (c *Cache) begin(sequence uint64, oti fec.OTI) error { return nil }

// Apply takes an entry that control.Open accepted, as sent and as read: in force over HTTP when
// Apply returns, durable when Sync returns. In any order, any number of times. The cache keeps
// e. It returns what control.Catalogue.Apply returns, or an error of the index.
func (c *Cache) Apply(raw []byte, e *control.Entry) error { return nil }

// Symbol stores a symbol of a bundle that has begun. payload is borrowed for the call. Symbols
// that are there already, or of a block that is, are ignored. It returns ErrUnknown, ErrSymbol, or ErrMemory: then the
// block has been emptied, and is to be asked for anew; if that is not told to the engine, FinishBlock will say it.
func (c *Cache) Symbol(sequence uint64, sbn uint32, esi int, payload []byte) error { return nil }

// FinishBlock decodes a block of which k symbols are there, verifies it if its digest is known, and writes
// it. After any error the block is empty: it is to be asked for anew, or, with ErrUnknown or ErrFailed, the bundle forgotten.
func (c *Cache) FinishBlock(sequence uint64, sbn uint32) error { return nil }

// Poisoned returns, once, the blocks whose FinishBlock went well before their digest was known, and
// which turned out not to match it. They are to be asked for anew: Whole no longer has them.
func (c *Cache) Poisoned() []Block { return nil }

// Ready returns, once each, the bundles whose every block is verified: Commit is to be called for each. Empty
// bundles get there with their entry alone.
func (c *Cache) Ready() []uint64 { return nil }

// Commit makes a bundle that Ready named durable and has it served. It blocks, and may run in any goroutine,
// beside the loop and other Commits. A bundle that lost its last object in the meantime is dropped, which is no
// error. It returns an error that wraps ErrFailed if the bundle failed, ErrUnknown if it is not ready.
func (c *Cache) Commit(sequence uint64) error { return nil }

// Abort gives up a bundle on its way: its file goes, State says the reason, and it is wanted again after
// Config.RetryAfter. It does nothing for a bundle that is ready or complete.
func (c *Cache) Abort(sequence uint64, reason string) {}

// Whole returns the blocks of a bundle that need not be sent: for receiver.ObjectInfo, after Begin.
func (c *Cache) Whole(sequence uint64) []BlockRange { return nil }

// Wanted returns up to n announced bundles, by sequence, that should be on their way: not complete, of use as far as is known,
// and not failed, or failed long enough ago for another try.
func (c *Cache) Wanted(n int) []Wanted { return nil }

// Missing returns up to n sequences of entries, ascending, that are not here, of those up to upTo.
func (c *Cache) Missing(upTo uint64, n int) []uint64 { return nil }

// CheckHead compares a head that control.OpenHead accepted with what is here, as control.Catalogue.CheckHead does.
func (c *Cache) CheckHead(h control.Head) error { return nil }

// Position returns the mark and the highest sequence applied, as they are now; State tells what is durable.
func (c *Cache) Position() (mark, highest uint64) { return 0, 0 }

// Sync makes every Apply so far durable, and unlinks the files that became useless by it.
func (c *Cache) Sync() error { return nil }

// State returns what is durable. It syncs first if anything is not; if that fails, it returns what was durable
// before. The slices are the caller's.
func (c *Cache) State() State { return State{} }

// SetReady says whether requests may be answered from the cache: not before the edge has caught up once. Before, they get 503.
func (c *Cache) SetReady(ready bool) {}

// Handler returns the HTTP face.
func (c *Cache) Handler() http.Handler { return nil }

// Stats returns a copy.
func (c *Cache) Stats() Stats { return Stats{} }

// Close syncs and closes everything. Bundles on their way stay on disk for the next Open.
func (c *Cache) Close() error { return nil }
