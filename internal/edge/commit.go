package edge

import (
	"context"

	"fanfare/edgecache"
)

// committer makes bundles durable, one after the other, beside the loop: an fsync takes
// milliseconds to seconds. Its goroutine is run.
type committer struct {
	cache    *edgecache.Cache
	requests chan uint64 // sequences; of capacity 1
	outbox               // commitDone
}

// commitDone is what became of a bundle.
type commitDone struct {
	sequence uint64
	err      error
}

// run serves requests until ctx ends.
func (c *committer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case sequence := <-c.requests:
			c.post(ctx, commitDone{sequence, c.cache.Commit(sequence)})
		}
	}
}
