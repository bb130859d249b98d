package edgecache

import (
	"fmt"
	"os"
)

// Commit makes a bundle that Ready named durable, and then has it served. It blocks, and may
// run in any goroutine, beside the loop and other Commits. A bundle that lost its last object
// in the meantime is dropped, which is no error. It returns ErrUnknown if the bundle is not
// ready, an error that wraps ErrFailed if the disk refused it, or an error of the index.
func (c *Cache) Commit(sequence uint64) error {
	c.writing.Lock()
	b := c.bundles[sequence]
	if b == nil || b.phase != phaseReady {
		c.writing.Unlock()
		return ErrUnknown
	}
	c.setPhase(b, phaseCommitting)
	file := b.file
	c.writing.Unlock()

	err := c.harden(file)

	c.writing.Lock()
	defer c.writing.Unlock()
	switch {
	case b.released:
		if file != nil {
			file.Close()
		}
		return nil
	case err != nil:
		c.recordFailure(b, err)
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	if file != nil {
		b.file = nil
		file.Close()
	}
	return c.recordComplete(b)
}

// harden makes a bundle's bytes and its name durable, both at a time: a file system with a journal
// takes them in one go.
func (c *Cache) harden(file *os.File) error {
	if file == nil {
		return nil
	}
	name := make(chan error, 1)
	go func() { name <- c.disk.syncDir() }()
	err := c.disk.sync(file)
	nameErr := <-name
	switch {
	case err != nil:
		return &diskError{"sync", err}
	case nameErr != nil:
		return &diskError{"sync directory", nameErr}
	}
	return nil
}

// recordComplete records a durable bundle in the index, durably, and has it served. writing is held,
// but given up while the index syncs.
func (c *Cache) recordComplete(b *bundle) error {
	batch := c.index.newBatch()
	batch.setRecord(b.sequence, record{Size: b.size, Time: b.time})
	if err := batch.apply(); err != nil {
		return err
	}
	c.position++
	position := c.position
	c.writing.Unlock()
	err := c.index.sync()
	c.writing.Lock()
	if err != nil {
		return err
	}
	c.durable = max(c.durable, position)
	if b.released {
		return nil
	}
	return c.serve(b)
}

// serve has a durable bundle served; writing is held.
func (c *Cache) serve(b *bundle) error {
	// What follows from what is durable is as good as durable: it is found again by the
	// next Open.
	follows := c.durable == c.position
	err := c.change(func(batch batch) error {
		b.phase, b.publish = phaseComplete, nil
		b.served.Store(c.now().UnixNano())
		delete(c.pending, b.sequence)
		c.catalogue.Complete(b.sequence)
		if c.cfg.MaxBytes > 0 {
			c.retryFailed() // from now on this one can be evicted for them
		}
		if b.folded {
			batch.delete(sequenceKey(tagEntry, b.sequence))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if follows {
		c.durable = c.position
	}
	c.count.bundlesCommitted.Add(1)
	return nil
}
