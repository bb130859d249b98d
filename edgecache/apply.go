package edgecache

import (
	"errors"
	"fmt"
	"math"

	"fanfare/control"
)

// Apply takes an entry that control.Open accepted, as sent and as read: in force over HTTP
// when Apply returns, durable when Sync returns. In any order, any number of times. The
// cache keeps e. It returns what control.Catalogue.Apply returns, or an error of the index.
func (c *Cache) Apply(raw []byte, e *control.Entry) error {
	c.reap()
	c.writing.Lock()
	defer c.writing.Unlock()
	isNew := false
	err := c.change(func(b batch) (err error) {
		isNew, err = c.catalogue.Apply(e, control.HashEntry(raw))
		if err != nil || !isNew {
			return err
		}
		b.set(sequenceKey(tagEntry, e.Sequence), raw)
		c.applying.sequence, c.applying.raw = e.Sequence, raw
		if e.Kind == control.KindPublish {
			c.remember(e)
			if m := e.Publish.InlineManifest(); m != nil {
				b.set(rowsKey(e.Sequence), m.AppendRows(nil, e.Publish.Manifest))
			}
		}
		return nil
	})
	c.applying.raw = nil
	if err != nil {
		return fmt.Errorf("edgecache: apply entry %d: %w", e.Sequence, err)
	}
	if !isNew {
		return nil
	}
	c.count.entriesApplied.Add(1)
	if b := c.bundles[e.Sequence]; b != nil {
		c.announced(b)
	} else if in := c.incoming[e.Sequence]; in != nil {
		c.discard(in) // the entry names no bundle, or one that nothing needs
	}
	return nil
}

// remember makes the bundle of a publish known; both locks are held.
func (c *Cache) remember(e *control.Entry) *bundle {
	b := &bundle{sequence: e.Sequence, publish: e.Publish, time: e.Time}
	c.bundles[b.sequence] = b
	c.pending[b.sequence] = b
	return b
}

// announced does what the arrival of a bundle's entry makes possible; writing is held.
func (c *Cache) announced(b *bundle) {
	if b.publish.OTI.TransferLength == 0 {
		c.becomeReady(b, nil)
		return
	}
	in := c.incoming[b.sequence]
	if in == nil {
		return
	}
	if in.oti != b.publish.OTI {
		c.discard(in)
		return
	}
	if err := c.announce(in, b); err != nil {
		c.fail(b, err)
		return
	}
	c.advance(in, b)
}

// change runs f, which changes the catalogue, folds it, and hands what is to be kept to the
// index as one batch. writing is held. If f returns an error, it has changed nothing.
func (c *Cache) change(f func(b batch) error) error {
	b := c.index.newBatch()
	c.mu.Lock()
	if err := f(b); err != nil {
		c.mu.Unlock()
		b.b.Close()
		return err
	}
	changes, err := c.catalogue.Fold()
	released := c.release(changes.Released)
	c.mu.Unlock()
	c.stateFresh = false
	if err != nil {
		c.revoke(b, err)
	}
	c.persist(b, &changes)
	if b.b.Empty() {
		return b.apply()
	}
	if err := b.apply(); err != nil {
		return err
	}
	c.position++
	for _, d := range released {
		d.position = c.position
		c.drops = append(c.drops, d)
	}
	return nil
}

// persist adds what a fold changed to a batch.
func (c *Cache) persist(b batch, changes *control.Changes) {
	for i, id := range changes.Delete {
		known := c.bundles[id.Version]
		if known == nil {
			continue // released: all of it goes
		}
		known.deleted.Add(id.Object)
		if i+1 == len(changes.Delete) || changes.Delete[i+1].Version != id.Version {
			b.setDeleted(id.Version, known.deleted)
		}
	}
	for _, sequence := range changes.Folded {
		b.delete(sequenceKey(tagManifest, sequence))
		if known := c.pending[sequence]; known != nil {
			known.folded = true
		} else {
			b.delete(sequenceKey(tagEntry, sequence))
		}
	}
	for _, sequence := range changes.Released {
		b.forget(sequence)
	}
	if len(changes.Folded) > 0 {
		b.setMark(changes.Mark, changes.Hash)
		c.keepMark(b, changes.Mark)
	}
}

// revoke follows the catalogue in forgetting an entry that breaks the hash chain: the first
// that is missing now. writing is held.
func (c *Cache) revoke(b batch, cause error) {
	missing := c.catalogue.Missing(math.MaxUint64, 1)
	if len(missing) == 0 {
		return
	}
	sequence := missing[0]
	c.cfg.Log.Warn("entry dropped", "sequence", sequence, "err", cause)
	b.forget(sequence)
	c.unbundle(sequence)
}

// Withdraw forgets an entry above the mark, and its bundle: it turned out to be of another log than
// the rest. Of an entry at or below the mark, or not here, it does nothing.
func (c *Cache) Withdraw(sequence uint64) error {
	c.reap()
	c.writing.Lock()
	defer c.writing.Unlock()
	withdrawn := false
	err := c.change(func(b batch) error {
		if withdrawn = c.catalogue.Withdraw(sequence); withdrawn {
			b.forget(sequence)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("edgecache: withdraw entry %d: %w", sequence, err)
	}
	if withdrawn {
		c.unbundle(sequence)
	}
	return nil
}

// unbundle forgets the bundle of an entry that is here no more; writing is held.
func (c *Cache) unbundle(sequence uint64) {
	c.mu.Lock()
	drops := c.release([]uint64{sequence})
	c.mu.Unlock()
	for _, d := range drops {
		// At once: the right entry may come, and its bundle has the same name.
		if err := c.disk.remove(d.sequence); err != nil {
			c.cfg.Log.Warn("bundle not unlinked", "sequence", d.sequence, "err", err)
		}
		c.giveBack(d.size)
	}
}

// release forgets bundles that nothing points to; both locks are held. It returns the files
// that are to go.
func (c *Cache) release(sequences []uint64) []drop {
	var drops []drop
	for _, sequence := range sequences {
		b := c.bundles[sequence]
		if b == nil {
			continue
		}
		delete(c.bundles, sequence)
		delete(c.pending, sequence)
		b.released = true
		if b.phase == phaseReady && b.file != nil {
			b.file.Close()
			b.file = nil
		}
		drops = append(drops, drop{sequence: sequence, size: b.size})
		c.count.bundlesDropped.Add(1)
		c.stale.Store(true)
	}
	return drops
}

// reap forgets the bundles on their way that a Commit elsewhere made useless. Only the loop calls it.
func (c *Cache) reap() {
	if !c.stale.Swap(false) {
		return
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	for sequence, in := range c.incoming {
		if in.announced && c.bundles[sequence] == nil {
			c.close(in)
		}
	}
}

// Sync makes every Apply so far durable, and unlinks the files that became useless by it.
// With nothing to do it costs next to nothing.
func (c *Cache) Sync() error {
	c.reap()
	c.writing.Lock()
	position, onDisk := c.position, c.onDisk
	c.writing.Unlock()
	if position > onDisk {
		if err := c.index.sync(); err != nil {
			return err
		}
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	c.synced(position)
	return c.unlink()
}

// unlink removes the files whose uselessness is on disk; writing is held.
func (c *Cache) unlink() error {
	var failed error
	for len(c.drops) > 0 && c.drops[0].position <= c.onDisk {
		d := c.drops[0]
		c.drops = c.drops[1:]
		if err := c.disk.removeLater(d.sequence); err != nil {
			failed = errors.Join(failed, fmt.Errorf("edgecache: unlink bundle: %w", err))
			continue
		}
		c.giveBack(d.size)
		c.cfg.Log.Debug("bundle dropped", "sequence", d.sequence, "bytes", d.size)
	}
	return failed
}

// Missing returns up to n sequences of entries, ascending, that are not here, of those up
// to upTo.
func (c *Cache) Missing(upTo uint64, n int) []uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.catalogue.Missing(upTo, n)
}

// CheckHead compares a head that control.OpenHead accepted with what is here, as
// control.Catalogue.CheckHead does.
func (c *Cache) CheckHead(h control.Head) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.catalogue.CheckHead(h)
}

// Position returns the mark and the highest sequence of all entries here, as they are now; State
// tells what is durable.
func (c *Cache) Position() (mark, highest uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	mark, _ = c.catalogue.Mark()
	return mark, c.catalogue.Highest()
}
