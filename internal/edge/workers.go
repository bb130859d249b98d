package edge

import (
	"context"
	"crypto/ed25519"

	"golang.org/x/sync/errgroup"

	"fanfare/edgecache"
	"fanfare/internal/fetch"
)

// workers do what takes long beside the loop, each in a goroutine of its own. They hand their
// results to the loop's outbox.
type workers struct {
	committer *committer
	hardener  *hardener
	// Those that speak to the origin are nil in a one-way session.
	fetcher *fetcher
	prover  *prover
	blocks  *blockFetcher
}

func (e *Edge) newWorkers(cache *edgecache.Cache) workers {
	out := outbox{e.results, e.poller.Wake}
	w := workers{
		committer: &committer{cache: cache, requests: make(chan []uint64, 1), outbox: out},
		hardener:  &hardener{cache: cache, requests: make(chan struct{}, 1), outbox: out},
	}
	if e.session.OneWay() {
		return w
	}
	w.fetcher = &fetcher{
		client: fetch.New(e.session.Origin), key: ed25519.PublicKey(e.session.PublicKey),
		channel: e.session.Channel, generation: e.generation,
		requests: make(chan uint64, 1), outbox: out,
	}
	w.prover = &prover{
		client: w.fetcher.client, generation: e.generation.String(),
		requests: make(chan [][]byte, 1), outbox: out,
	}
	w.blocks = newBlockFetcher(fetch.New(e.session.Origin), e.generation.String(), out)
	return w
}

// start has the group run them until ctx ends.
func (w *workers) start(ctx context.Context, group *errgroup.Group) {
	run := func(f func(context.Context)) { group.Go(func() error { f(ctx); return nil }) }
	run(w.committer.run)
	run(w.hardener.run)
	if w.fetcher != nil {
		run(w.fetcher.run)
		run(w.prover.run)
		run(w.blocks.run)
	}
}
