package edgecache

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Reasons why a bundle finds no place.
var (
	errTooLarge = errors.New("larger than the cache's size limit")
	errFull     = errors.New("the cache's size limit is taken by bundles on their way")
)

// abortError is the reason that Abort was given.
type abortError struct{ reason string }

func (e *abortError) Error() string { return e.reason }

// admit sets space aside for the file of a bundle; others go for it if the size limit asks
// for that. writing is held.
func (c *Cache) admit(b *bundle, file *os.File) error {
	size := int64(b.publish.OTI.TransferLength)
	if limit := c.cfg.MaxBytes; limit > 0 {
		if size > limit {
			return errTooLarge
		}
		if c.bytes+size > limit && len(c.drops) > 0 {
			if err := c.synchronize(c.position); err != nil {
				return err
			}
			if err := c.unlink(); err != nil {
				return err
			}
			c.disk.wait()
		}
		if c.bytes+size > limit {
			if err := c.evict(c.bytes + size - limit); err != nil {
				return err
			}
		}
	}
	if err := c.disk.begin(file, size); err != nil {
		return &diskError{"make room", err}
	}
	c.mu.Lock()
	b.size = size
	c.bytes += size
	c.mu.Unlock()
	return nil
}

// evictAhead is which part of the size limit is given up beyond what is needed, so that not every
// bundle has to wait for the index.
const evictAhead = 128

// evict removes complete bundles of so many bytes at least, those served longest ago; errFull if there
// are not so many. writing is held.
func (c *Cache) evict(need int64) error {
	victims := c.victims(need)
	if victims == nil {
		return errFull
	}
	sizes := make([]int64, len(victims))
	err := c.change(func(batch batch) error {
		for i, b := range victims {
			c.catalogue.Evicted(b.sequence)
			batch.setRecord(b.sequence, record{fate: fateEvicted, time: b.time})
			sizes[i] = b.size
			b.phase, b.size = phaseEvicted, 0
		}
		return nil
	})
	if err != nil {
		return err
	}
	// A bundle that is recorded as complete and has no file is lost, and would be fetched again.
	if err := c.synchronize(c.position); err != nil {
		return err
	}
	var failed error
	for i, b := range victims {
		if err := c.disk.remove(b.sequence); err != nil {
			failed = errors.Join(failed, fmt.Errorf("edgecache: unlink bundle: %w", err))
			continue
		}
		c.giveBack(sizes[i])
		c.count.bundlesEvicted.Add(1)
		c.cfg.Log.Info("bundle evicted", "sequence", b.sequence, "bytes", sizes[i])
	}
	return failed
}

// victims returns the complete bundles that were served longest ago, of need bytes or somewhat more
// together; nil if there are not so many. writing is held.
func (c *Cache) victims(need int64) []*bundle {
	var all []*bundle
	left := need
	served := make(map[*bundle]int64) // requests go on meanwhile
	for _, b := range c.bundles {
		if b.phase == phaseComplete && b.size > 0 {
			all = append(all, b)
			served[b] = b.served.Load()
			left -= b.size
		}
	}
	if left > 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b *bundle) int {
		return cmp.Or(cmp.Compare(served[a], served[b]), cmp.Compare(a.sequence, b.sequence))
	})
	ahead := need + c.cfg.MaxBytes/evictAhead
	var freed int64
	for i, b := range all {
		if freed >= need && freed+b.size > ahead {
			return all[:i]
		}
		freed += b.size
	}
	return all
}

// giveBack takes note that space became free: bundles that failed for want of it are wanted again.
func (c *Cache) giveBack(size int64) {
	if size == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes -= size
	c.retryFailed()
}

// retryFailed has the bundles that failed for want of space wanted again; both locks are held.
func (c *Cache) retryFailed() {
	for _, b := range c.pending {
		if b.phase == phaseFailed && !b.retry.IsZero() {
			b.retry = time.Time{}.Add(1)
		}
	}
}

// fail gives up a bundle on its way, or ready. The loop calls it, with writing held.
func (c *Cache) fail(b *bundle, cause error) {
	if in := c.incoming[b.sequence]; in != nil {
		c.close(in)
	}
	c.recordFailure(b, cause)
}

// recordFailure is the part of fail that is not the loop's: the file goes, and State says why.
// writing is held.
func (c *Cache) recordFailure(b *bundle, cause error) {
	var retry time.Time
	if passing(cause) {
		retry = c.now().Add(c.cfg.RetryAfter)
	}
	size := b.size
	if b.file != nil {
		b.file.Close()
	}
	if err := c.disk.remove(b.sequence); err != nil {
		c.cfg.Log.Warn("bundle not unlinked", "sequence", b.sequence, "err", err)
	}
	c.giveBack(size)
	c.mu.Lock()
	b.phase, b.file, b.size = phaseFailed, nil, 0
	b.reason, b.retry = cause.Error(), retry
	c.mu.Unlock()
	c.stateFresh = false
	var abort *abortError
	if errors.As(cause, &abort) {
		c.cfg.Log.Debug("bundle given up", "sequence", b.sequence, "reason", b.reason)
		return
	}
	c.count.bundlesFailed.Add(1)
	args := []any{"sequence", b.sequence, "reason", b.reason, "retry", !retry.IsZero()}
	if remedy := remedyFor(cause); remedy != "" {
		args = append(args, "remedy", remedy)
	}
	c.cfg.Log.Error("bundle failed", args...)
}

// remedyFor says what the operator can do about a bundle that failed for want of space or by its disk;
// empty if it failed for something else. It stands beside the reason, which must fit into a report.
func remedyFor(cause error) string {
	var disk *diskError
	switch {
	case errors.Is(cause, unix.ENOSPC):
		return "free space on the cache's file system, or set or lower the size limit (--max-size)"
	case errors.Is(cause, unix.EDQUOT):
		return "raise the disk quota, or set or lower the size limit (--max-size)"
	case errors.Is(cause, errTooLarge), errors.Is(cause, errFull):
		return "raise the size limit (--max-size)"
	case errors.As(cause, &disk) && !passing(cause):
		return "make sure that the disk is well, and restart the edge: until then the bundle is not tried again"
	}
	return ""
}

// passing reports whether a failure may be over some time later. A failed write or sync is
// not: what the disk lost then, it may deny later.
func passing(cause error) bool {
	var aborted *abortError
	return errors.Is(cause, unix.ENOSPC) || errors.Is(cause, unix.EDQUOT) || errors.Is(cause, errFull) ||
		errors.Is(cause, errVanished) || errors.As(cause, &aborted)
}

// due reports whether it is time for a bundle that is wanted, or for another try of one that failed.
func (c *Cache) due(b *bundle) bool {
	return (b.phase != phaseFailed || !b.retry.IsZero()) && !c.now().Before(b.retry)
}

// setPhase moves a bundle on; writing is held.
func (c *Cache) setPhase(b *bundle, p phase) {
	c.mu.Lock()
	b.phase = p
	c.mu.Unlock()
	c.stateFresh = false
}
