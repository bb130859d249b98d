package edge

import (
	"context"
	"fmt"
	"io"
	"time"

	"fanfare/fec"
	"fanfare/internal/fetch"
)

const (
	// blockBuffers is how many blocks are in memory between the origin and the disk.
	blockBuffers = 2
	// stallTimeout ends a request of which nothing comes for so long. The origin may let one wait
	// for its turn, and sends slowly to many.
	stallTimeout = 30 * time.Second
)

// blockRun is some blocks of a bundle, one after the other.
type blockRun struct {
	sequence uint64
	toi      uint32
	part     fec.Partition
	first    uint32
	count    uint32
}

// fetchedBlock is a block as the origin has it, not verified. Its bytes are a buffer of the fetcher's:
// who takes the result gives it back by giveBack.
type fetchedBlock struct {
	sequence uint64
	toi, sbn uint32
	bytes    []byte
}

// runDone is the end of a request: every block of the run was posted before if err is nil.
type runDone struct {
	run blockRun
	err error
}

// blockFetcher gets blocks from the origin over HTTP, one request at a time on one persistent
// connection. Its goroutine is run. It knows no digests: the loop verifies what comes, as it does
// what multicast brings.
type blockFetcher struct {
	client     *fetch.Client
	generation string

	requests chan blockRun // of capacity 1
	buffers  chan []byte   // of capacity blockBuffers: those that are free
	outbox                 // fetchedBlock and runDone
}

func newBlockFetcher(client *fetch.Client, generation string, out outbox) *blockFetcher {
	f := &blockFetcher{
		client: client, generation: generation, requests: make(chan blockRun, 1),
		buffers: make(chan []byte, blockBuffers), outbox: out,
	}
	for range blockBuffers {
		f.buffers <- nil
	}
	return f
}

// giveBack takes the buffer of a result that is done with.
func (f *blockFetcher) giveBack(b fetchedBlock) { f.buffers <- b.bytes }

// run serves requests until ctx ends.
func (f *blockFetcher) run(ctx context.Context) {
	defer f.client.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case run := <-f.requests:
			f.post(ctx, runDone{run, f.fetch(ctx, run)})
		}
	}
}

// fetch gets a run of blocks, with as many requests as the origin wants.
func (f *blockFetcher) fetch(ctx context.Context, run blockRun) error {
	for next, end := run.first, run.first+run.count; next < end; {
		got, err := f.request(ctx, run, next, end)
		if err != nil {
			return err
		}
		next += got
	}
	return nil
}

// request makes one request for the blocks from next to before end, and posts those that come,
// got of them, at least one.
func (f *blockFetcher) request(ctx context.Context, run blockRun, next, end uint32) (got uint32, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stall := time.AfterFunc(stallTimeout, cancel)
	defer stall.Stop()
	offset := run.part.Offset(next)
	last := end - 1
	body, n, err := f.client.Bundle(ctx, run.sequence, f.generation, offset, run.part.Offset(last)+run.part.Length(last)-offset)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	reader := livelyReader{body, stall}
	for sbn := next; sbn < end && n >= run.part.Length(sbn); sbn++ {
		if err := f.read(ctx, reader, run, sbn); err != nil {
			return got, err
		}
		n -= run.part.Length(sbn)
		got++
	}
	if got == 0 {
		return 0, fmt.Errorf("the origin sent %d bytes of a block of %d", n, run.part.Length(next))
	}
	return got, nil
}

// read reads one block and posts it.
func (f *blockFetcher) read(ctx context.Context, r io.Reader, run blockRun, sbn uint32) error {
	var buffer []byte
	select {
	case buffer = <-f.buffers:
	case <-ctx.Done():
		return ctx.Err()
	}
	length := int(run.part.Length(sbn))
	if cap(buffer) < length {
		buffer = make([]byte, length)
	}
	block := fetchedBlock{run.sequence, run.toi, sbn, buffer[:length]}
	if _, err := io.ReadFull(r, block.bytes); err != nil {
		f.giveBack(block)
		return fmt.Errorf("block %d: %w", sbn, err)
	}
	f.post(ctx, block)
	return nil
}

// livelyReader puts off a timer whenever something comes.
type livelyReader struct {
	io.Reader
	timer *time.Timer
}

func (r livelyReader) Read(b []byte) (n int, err error) {
	n, err = r.Reader.Read(b)
	if n > 0 {
		r.timer.Reset(stallTimeout)
	}
	return n, err
}
