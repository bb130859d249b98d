package edge

import (
	"context"

	"fanfare/edgecache"
)

// committer makes bundles durable beside the loop, those together that are ready together: an fsync
// takes milliseconds to seconds. Its goroutine is run.
type committer struct {
	cache    *edgecache.Cache
	requests chan []uint64 // sequences; of capacity 1, and one request at a time
	outbox                 // commitDone
}

// commitDone is what became of bundles, each with its error.
type commitDone struct {
	sequences []uint64
	errs      []error
}

// run serves requests until ctx ends.
func (c *committer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case sequences := <-c.requests:
			c.post(ctx, commitDone{sequences, c.cache.Commit(sequences...)})
		}
	}
}
