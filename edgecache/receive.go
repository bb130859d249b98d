package edgecache

import (
	"errors"
	"fmt"

	"fanfare/control"
	"fanfare/fec"
	"fanfare/internal/writeback"
)

// maxUnannounced bounds the bundles on their way whose entries are not known: nobody has
// signed that they exist. maxUnannouncedBlocks bounds each: 147 GB at 200 symbols of 1,408 bytes;
// maxUnannouncedBytes is how much is kept of all of them, a few round trips at 10 Gb/s.
const (
	maxUnannounced       = 64
	maxUnannouncedBlocks = 1 << 19
	maxUnannouncedBytes  = 256 << 20
)

// A diskError is a failure of a bundle's file: it fails the bundle.
type diskError struct {
	op  string
	err error
}

func (e *diskError) Error() string { return e.op + ": " + e.err.Error() }
func (e *diskError) Unwrap() error { return e.err }

// Begin says that a bundle is on its way as the transport object oti. It may come before
// the entry; then no space is set aside for it yet. Repeated it does nothing. It returns
// ErrNotWanted, ErrOTI, ErrLimit, an error that wraps fec.ErrOTI, or one that wraps ErrFailed
// if there is no place for the bundle.
func (c *Cache) Begin(sequence uint64, oti fec.OTI) error {
	c.reap()
	if in := c.incoming[sequence]; in != nil {
		if in.oti != oti {
			return ErrOTI
		}
		return nil
	}
	part, err := oti.Partition()
	if err != nil {
		return fmt.Errorf("edgecache: begin bundle %d: %w", sequence, err)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	b := c.bundles[sequence]
	if b == nil {
		return c.beginUnannounced(sequence, oti, part)
	}
	switch b.phase {
	case phaseReady, phaseCommitting, phaseComplete, phaseEvicted:
		return ErrNotWanted
	case phaseFailed:
		if !c.due(b) {
			return fmt.Errorf("%w: %s", ErrFailed, b.reason)
		}
		c.setPhase(b, phaseWanted)
	}
	if oti != b.publish.OTI {
		return ErrOTI
	}
	if err := c.synchronize(b.recorded); err != nil { // that it is lost, before there is a file of its length
		return err
	}
	in, err := c.create(sequence, oti, part)
	if err == nil {
		err = c.announce(in, b)
	}
	if err != nil {
		c.fail(b, err)
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return nil
}

func (c *Cache) beginUnannounced(sequence uint64, oti fec.OTI, part fec.Partition) error {
	switch {
	case !c.catalogue.Needed(sequence) || oti.TransferLength == 0:
		return ErrNotWanted
	case part.Blocks() > maxUnannouncedBlocks:
		return ErrLimit
	}
	unannounced := 0
	for _, in := range c.incoming {
		if !in.announced {
			unannounced++
		}
	}
	if unannounced >= maxUnannounced {
		return ErrLimit
	}
	if _, err := c.create(sequence, oti, part); err != nil {
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return nil
}

// create makes the file of a bundle that is on its way, empty.
func (c *Cache) create(sequence uint64, oti fec.OTI, part fec.Partition) (*incoming, error) {
	file, err := c.disk.open(sequence)
	if err != nil {
		return nil, &diskError{"open", err}
	}
	if err := file.Truncate(0); err != nil {
		file.Close()
		return nil, &diskError{"truncate", err}
	}
	in := newIncoming(sequence, oti, part, file)
	c.incoming[sequence], c.recent = in, nil
	return in, nil
}

// announce joins a bundle on its way with its entry: it sets space aside and takes the
// digests that are known. writing is held.
func (c *Cache) announce(in *incoming, b *bundle) error {
	in.announced = true
	c.unannounced -= in.unannounced
	in.unannounced = 0
	in.digests, in.manifestKnown = knownDigests(b.publish), b.publish.ManifestLength == 0
	return c.admit(b, in.file)
}

// Symbol stores a symbol of a bundle that has begun. payload is borrowed for the call.
// Symbols that are there already, or of a block that is, are ignored. It returns ErrUnknown,
// an error that wraps ErrSymbol, or ErrMemory: then the block has been emptied and is to be
// asked for anew. A caller that does not tell the engine so will be told by FinishBlock.
func (c *Cache) Symbol(sequence uint64, sbn uint32, esi int, payload []byte) error {
	err := c.symbol(sequence, sbn, esi, payload)
	if err != nil {
		c.count.symbolsRefused.Add(1)
	} else {
		c.count.symbolsStored.Add(1)
	}
	return err
}

func (c *Cache) symbol(sequence uint64, sbn uint32, esi int, payload []byte) error {
	in := c.recent
	if in == nil || in.sequence != sequence {
		if in = c.incoming[sequence]; in == nil {
			return ErrUnknown
		}
		c.recent = in
	}
	if sbn < in.part.Blocks() && in.written.has(sbn) {
		return nil
	}
	if !in.announced {
		if c.unannounced+int64(len(payload)) > c.maxUnannounced {
			c.writing.Lock()
			defer c.writing.Unlock()
			c.discard(in) // its entry, if there is one, begins it anew
			return ErrUnknown
		}
		in.unannounced += int64(len(payload))
		c.unannounced += int64(len(payload))
	}
	return c.assembly.add(in, sbn, esi, payload)
}

// FinishBlock decodes a block of which k symbols are there, verifies it if its digest is
// known, and writes it. After an error the block is empty and is to be asked for anew; after
// ErrUnknown or ErrFailed the bundle is no longer on its way.
func (c *Cache) FinishBlock(sequence uint64, sbn uint32) error {
	in := c.incoming[sequence]
	switch {
	case in == nil:
		return ErrUnknown
	case sbn >= in.part.Blocks():
		return fmt.Errorf("%w: block %d", ErrSymbol, sbn)
	case in.written.has(sbn):
		return nil
	}
	open := in.open[sbn]
	if open == nil {
		return ErrTooFew
	}
	verified, err := c.assembly.finish(open)
	if err != nil {
		return c.refused(in, sbn, err)
	}
	return c.placed(in, sbn, verified)
}

// placed takes note of a block that is in the file.
func (c *Cache) placed(in *incoming, sbn uint32, verified bool) error {
	in.written.set(sbn)
	in.fresh += in.part.Length(sbn)
	if in.fresh >= writeback.Bytes && c.disk.ahead.Begin(in.file) {
		in.fresh = 0
	}
	if !verified {
		return nil
	}
	in.verified.set(sbn)
	if !in.manifestKnown || in.whole() {
		c.writing.Lock()
		defer c.writing.Unlock()
		if b := c.bundles[in.sequence]; b != nil {
			return c.advance(in, b)
		}
	}
	return nil
}

// refused does what the failure of a block asks for, and returns the error for the caller.
func (c *Cache) refused(in *incoming, sbn uint32, err error) error {
	var disk *diskError
	switch {
	case errors.Is(err, ErrDigest):
		c.poison(in, sbn)
	case errors.As(err, &disk):
		c.writing.Lock()
		defer c.writing.Unlock()
		if b := c.bundles[in.sequence]; b != nil {
			c.fail(b, err)
		} else {
			c.discard(in)
		}
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return err
}

// poison counts a block that does not match its digest. The log tells of the first of a bundle:
// whoever can send to the group can make many.
func (c *Cache) poison(in *incoming, sbn uint32) {
	c.count.blocksPoisoned.Add(1)
	if !in.poisoned {
		in.poisoned = true
		c.cfg.Log.Warn("block does not match its digest; others of the bundle are only counted", "sequence", in.sequence, "block", sbn)
	}
}

// advance takes a bundle as far as its verified blocks allow: to its manifest, and to be
// ready. It returns an error that wraps ErrFailed if that fails the bundle. writing is held.
func (c *Cache) advance(in *incoming, b *bundle) error {
	err := c.verify(in)
	if err == nil && !in.manifestKnown && in.headVerified() {
		if err = c.readManifest(in, b); err == nil && !b.released {
			err = c.verify(in)
		}
	}
	switch {
	case b.released: // by its own manifest: nothing in it is served
		c.close(in)
		return nil
	case err != nil:
		c.fail(b, err)
		return fmt.Errorf("%w: %w", ErrFailed, err)
	case in.whole():
		c.becomeReady(b, in)
	}
	return nil
}

// verify reads back the blocks whose digest has become known.
func (c *Cache) verify(in *incoming) error {
	if in.written.count == in.verified.count {
		return nil
	}
	err := in.checkWritten(c.buffer(in), func(sbn uint32) {
		c.poisoned = append(c.poisoned, Block{in.sequence, sbn})
		c.poison(in, sbn)
	})
	if err != nil {
		return &diskError{"read back", err}
	}
	return nil
}

// readManifest takes the manifest from the blocks that hold it, which are verified.
func (c *Cache) readManifest(in *incoming, b *bundle) error {
	raw := make([]byte, b.publish.ManifestLength)
	if err := in.readBack(raw, 0); err != nil {
		return &diskError{"read manifest", err}
	}
	m, err := control.DecodeManifest(raw, b.publish)
	if err != nil {
		return err
	}
	in.digests = append(in.digests[:len(in.digests):len(in.digests)], m.Digests...)
	in.manifestKnown = true
	if b.folded {
		return nil
	}
	return c.change(func(batch batch) error {
		mark, _ := c.catalogue.Mark()
		if err := c.catalogue.AddManifest(b.sequence, m); err != nil {
			return err
		}
		batch.set(rowsKey(b.sequence), m.AppendRows(nil, raw))
		if b.sequence > mark+1 { // the next one is folded at once
			batch.set(sequenceKey(tagManifest, b.sequence), raw)
		}
		return nil
	})
}

// becomeReady takes a bundle of which everything is verified from the loop's hands. in is
// nil for an empty one.
func (c *Cache) becomeReady(b *bundle, in *incoming) {
	if in != nil {
		delete(c.incoming, b.sequence)
		c.recent = nil
		b.file = in.file
	}
	c.setPhase(b, phaseReady)
	c.whole = append(c.whole, b.sequence)
}

// buffer returns the scratch buffer, large enough for any block of in.
func (c *Cache) buffer(in *incoming) []byte {
	if n := in.largestBlock(); len(c.scratch) < n {
		c.scratch = make([]byte, n)
	}
	return c.scratch
}

// close lets go of a bundle on its way, but for its name on disk.
func (c *Cache) close(in *incoming) {
	for _, b := range in.open {
		c.assembly.empty(b)
	}
	in.file.Close()
	c.unannounced -= in.unannounced
	delete(c.incoming, in.sequence)
	c.recent = nil
}

// discard lets go of a bundle on its way and of its file.
func (c *Cache) discard(in *incoming) {
	c.close(in)
	if err := c.disk.remove(in.sequence); err != nil {
		c.cfg.Log.Warn("bundle not unlinked", "sequence", in.sequence, "err", err)
	}
}

// Poisoned returns, once, the blocks whose FinishBlock went well before their digest was
// known, and which turned out not to match it. They are to be asked for anew: Whole no longer
// has them.
func (c *Cache) Poisoned() []Block {
	blocks := c.poisoned
	c.poisoned = nil
	return blocks
}

// Ready returns, once each, the bundles whose every block is verified: Commit is to be called
// for each. An empty bundle gets there by its entry alone.
func (c *Cache) Ready() []uint64 {
	sequences := c.whole
	c.whole = nil
	return sequences
}

// Abort gives up a bundle on its way: its file goes, State says the reason, and it is
// wanted again after Config.RetryAfter. It does nothing for a bundle that is ready or complete.
func (c *Cache) Abort(sequence uint64, reason string) {
	c.writing.Lock()
	defer c.writing.Unlock()
	b := c.bundles[sequence]
	switch {
	case b != nil && b.phase == phaseWanted:
		c.fail(b, &abortError{reason})
	case b == nil && c.incoming[sequence] != nil:
		c.discard(c.incoming[sequence])
	}
}

// Whole returns the blocks of a bundle on its way that need not be sent.
func (c *Cache) Whole(sequence uint64) []BlockRange {
	in := c.incoming[sequence]
	if in == nil {
		return nil
	}
	return in.written.ranges(in.part.Blocks())
}
