package edgecache

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

const (
	// recheckBytes is the size up to which a bundle's record may follow its bytes to the disk
	// later: a restart that finds none reads the bundle again, which takes about 10 ms.
	recheckBytes = 16 << 20
	// MaxCommit is how many bundles Commit may be given at a time: so many files are synced at once.
	MaxCommit = 16
)

// A committing bundle is one between Commit's two halves, and what became of it.
type committing struct {
	*bundle
	file *os.File // nil if it is empty
	err  error
}

// Commit makes bundles that Ready named durable, together, and then has them served. It blocks, and
// may run in any goroutine, beside the loop and other Commits. A bundle that lost its last object in
// the meantime is dropped, which is no error. There is an error for each sequence: ErrUnknown if the
// bundle is not ready, one that wraps ErrFailed if the disk refused it, or that of the index.
func (c *Cache) Commit(sequences ...uint64) []error {
	errs := make([]error, len(sequences))
	group := make([]*committing, len(sequences))
	var serve []*committing
	c.writing.Lock()
	for i, sequence := range sequences {
		b := c.bundles[sequence]
		if b == nil || b.phase != phaseReady {
			errs[i] = ErrUnknown
			continue
		}
		c.setPhase(b, phaseCommitting)
		group[i] = &committing{bundle: b, file: b.file}
		serve = append(serve, group[i])
	}
	position, durable := c.position, c.durable
	c.writing.Unlock()
	if len(serve) == 0 {
		return errs
	}
	index := position > durable
	err := c.harden(serve, index)

	c.writing.Lock()
	defer c.writing.Unlock()
	if err == nil && index {
		c.synced(position)
	}
	if err == nil {
		err = c.recordLarge(serve)
	}
	if err == nil {
		err = c.serve(serve)
	}
	for i, g := range group {
		switch {
		case g == nil:
		case g.err != nil && !g.released:
			errs[i] = fmt.Errorf("%w: %w", ErrFailed, g.err)
		default:
			errs[i] = err
		}
	}
	return errs
}

// harden makes bytes and names of bundles durable and, if index says so, every batch applied so far:
// all at a time, since a file system with a journal takes them in one go. Each bundle gets
// its own error; harden returns that of the index.
func (c *Cache) harden(group []*committing, index bool) (err error) {
	var wait sync.WaitGroup
	var nameErr error
	named := false
	for _, g := range group {
		if g.file == nil {
			continue
		}
		wait.Go(func() {
			if err := c.disk.sync(g.file); err != nil {
				g.err = &diskError{"sync", err}
			}
		})
		named = true
	}
	if named {
		wait.Go(func() { nameErr = c.disk.syncDir() })
	}
	if index {
		err = c.index.sync()
	}
	wait.Wait()
	for _, g := range group {
		switch {
		case g.file == nil || g.err != nil:
		case nameErr != nil && !errors.Is(nameErr, os.ErrNotExist): // without the directory its files are gone
			g.err = &diskError{"sync directory", nameErr}
		default:
			if err := c.disk.inspect(g.sequence, g.size); err != nil {
				g.err = fmt.Errorf("%w: %w", errVanished, err)
			}
		}
	}
	return err
}

// recordLarge lets go of the files of a group and of what failed in it, and records durably
// those durable bundles that a restart should not have to read again. writing is held, but given up
// while the index syncs.
func (c *Cache) recordLarge(group []*committing) error {
	batch := c.index.newBatch()
	for _, g := range group {
		switch {
		case g.released:
		case g.err != nil:
			c.recordFailure(g.bundle, g.err)
			continue
		case g.size > c.recheckBytes:
			batch.setRecord(g.sequence, record{size: g.size, time: g.time, publish: g.publish})
			g.recorded = c.position + 1
		}
		if g.file != nil {
			g.bundle.file = nil
			g.file.Close()
		}
	}
	if batch.b.Empty() {
		return batch.apply()
	}
	if err := batch.apply(); err != nil {
		return err
	}
	c.position++
	position := c.position
	c.writing.Unlock()
	err := c.index.sync()
	c.writing.Lock()
	if err == nil {
		c.synced(position)
	}
	return err
}

// serve has durable bundles served; writing is held.
func (c *Cache) serve(group []*committing) error {
	// What follows from what is durable is as good as durable: it is found again by the next
	// Open, which verifies bundles without record against their entries.
	follows := c.durable == c.position
	served := uint64(0)
	err := c.change(func(batch batch) error {
		for _, g := range group {
			b := g.bundle
			if b.released || b.phase != phaseCommitting {
				continue
			}
			served++
			if b.size <= c.recheckBytes {
				batch.setRecord(b.sequence, record{size: b.size, time: b.time, publish: b.publish})
				b.recorded = c.position + 1
			}
			b.phase, b.publish = phaseComplete, nil
			b.served.Store(c.now().UnixNano())
			delete(c.pending, b.sequence)
			c.catalogue.Complete(b.sequence)
			if b.folded {
				batch.delete(sequenceKey(tagEntry, b.sequence))
			}
		}
		if served > 0 && c.cfg.MaxBytes > 0 {
			c.retryFailed() // from now on these can be evicted for them
		}
		return nil
	})
	if err != nil {
		return err
	}
	if follows {
		c.durable = c.position
	}
	c.count.bundlesCommitted.Add(served)
	return nil
}

// synchronize makes the batches up to one durable, if they are not; writing is held.
func (c *Cache) synchronize(position uint64) error {
	if position <= c.onDisk {
		return nil
	}
	if err := c.index.sync(); err != nil {
		return err
	}
	c.synced(c.position)
	return nil
}

// synced takes note that the index has synced all batches up to one; writing is held.
func (c *Cache) synced(position uint64) {
	c.durable = max(c.durable, position)
	c.onDisk = max(c.onDisk, position)
}
