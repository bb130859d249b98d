package edge

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"time"

	"fanfare/control"
	"fanfare/internal/api"
	"fanfare/internal/fetch"
)

// Limits of catch-up over HTTP.
const (
	// fetchBatch is how many verified entries are handed to the loop at a time.
	fetchBatch = 128
	// fetchTimeout bounds one request. The origin answers with as many entries as it likes, and the
	// next request goes on from there.
	fetchTimeout = time.Minute
)

// errOtherGeneration says that the origin numbers its entries anew.
var errOtherGeneration = errors.New("the origin's log is of another generation")

// entry is a verified entry with its bytes as signed.
type entry struct {
	raw []byte
	*control.Entry
}

// fetcher gets entries from the origin over HTTP, one request at a time on one persistent
// connection. Its goroutine is run; every entry is verified there, off the packet path.
type fetcher struct {
	client     *fetch.Client
	key        ed25519.PublicKey
	channel    uint32
	generation control.Generation

	requests chan uint64 // from which sequence on; of capacity 1
	outbox               // entries and fetchDone
}

// fetchDone is the end of a request: err is nil if everything the origin has was got.
type fetchDone struct {
	from, next uint64
	err        error
}

// run serves requests until ctx ends.
func (f *fetcher) run(ctx context.Context) {
	defer f.client.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case from := <-f.requests:
			next, err := f.fetch(ctx, from)
			f.post(ctx, fetchDone{from: from, next: next, err: err})
		}
	}
}

// fetch gets the entries from next on, up to the origin's head, and returns the first one
// that it did not get.
func (f *fetcher) fetch(ctx context.Context, from uint64) (next uint64, err error) {
	next = from
	for {
		before := next
		head, err := f.request(ctx, &next)
		if err != nil || next > head {
			return next, err
		}
		if next == before {
			return next, fmt.Errorf("the origin's head is %d, but it did not send entry %d", head, next)
		}
	}
}

// request makes one HTTP request and posts what comes in batches; *next is the sequence to
// begin with, and moves on with each entry.
func (f *fetcher) request(ctx context.Context, next *uint64) (head uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	var batch []entry
	head, err = f.client.Entries(ctx, *next, f.generation.String(), func(raw []byte) error {
		e, err := f.open(raw, *next)
		if err != nil {
			return err
		}
		*next++
		if batch = append(batch, e); len(batch) == fetchBatch {
			f.post(ctx, batch)
			batch = nil
		}
		return nil
	})
	if len(batch) > 0 {
		f.post(ctx, batch)
	}
	var refused *api.Error
	if errors.As(err, &refused) && refused.Status == http.StatusConflict {
		err = errOtherGeneration
	}
	return head, err
}

// open verifies one entry as the one with that sequence; it copies raw.
func (f *fetcher) open(raw []byte, sequence uint64) (entry, error) {
	e, err := control.Open(raw, f.key)
	switch {
	case err != nil:
		return entry{}, fmt.Errorf("entry %d: %w", sequence, err)
	case e.Generation != f.generation:
		return entry{}, errOtherGeneration
	case e.Channel != f.channel:
		return entry{}, fmt.Errorf("entry %d is of channel %d", sequence, e.Channel)
	case e.Sequence != sequence:
		return entry{}, fmt.Errorf("the origin sent entry %d instead of %d", e.Sequence, sequence)
	}
	return entry{raw: append([]byte(nil), raw...), Entry: e}, nil
}
