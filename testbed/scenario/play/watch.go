package play

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"fanfare/internal/api"
	"fanfare/testbed/report"
)

const (
	// sentryEvery is how often one purged key is asked for at each edge, probeEvery how often
	// during a measured purge.
	sentryEvery = 30 * time.Millisecond
	probeEvery  = time.Millisecond
	// purgeLimit is how long a measured purge is waited for.
	purgeLimit = 10 * time.Second
)

// sentry asks one edge for purged keys all the time: once a key was seen to be gone there, it
// must never come back. Before the edge has the key's publication its absence says nothing: the
// purge may yet come later than the bytes.
type sentry struct {
	edge   *process
	ledger *ledger

	mu       sync.Mutex
	gone     map[*object]bool
	asked    int
	problems []string
}

// watch starts the sentry of an edge.
func (b *realBed) watch(i int) {
	w := &sentry{edge: b.edges[i], ledger: b.ledger, gone: map[*object]bool{}}
	b.sentry = append(b.sentry, w)
	b.group.Go(func() { w.run(b.watching, rand.New(rand.NewPCG(b.s.Seed, uint64(i)))) })
}

func (w *sentry) run(ctx context.Context, rng *rand.Rand) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(sentryEvery):
		}
		if o := w.ledger.anyGone(rng); o != nil && w.edge.Running() {
			w.ask(ctx, o)
		}
	}
}

// ask asks for one key.
func (w *sentry) ask(ctx context.Context, o *object) {
	had := w.ledger.hasArrived(w.edge.Name, o.publication)
	status, err := w.edge.fetch(ctx, o, nil)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil: // the edge may just be killed
	case status == http.StatusNotFound:
		w.gone[o] = w.gone[o] || had
		w.asked++
	case status == http.StatusOK && w.gone[o] && w.ledger.isGone(o.key):
		w.problems = append(w.problems, fmt.Sprintf("%s served %s again after it was gone", w.edge.Name, o.key))
	}
}

// fetch asks an edge for an object; body, if not nil, gets the answer's.
func (p *process) fetch(ctx context.Context, o *object, body func(io.Reader) error) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Address+o.path, nil)
	if err != nil {
		return 0, err
	}
	if o.host != "" {
		request.Host = o.host
	}
	response, err := p.Client().Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if body != nil && response.StatusCode == http.StatusOK {
		err = body(response.Body)
	} else {
		_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	}
	return response.StatusCode, err
}

// measurePurge has clients at every edge ask for a key all the time while it is purged.
func (b *realBed) measurePurge(ctx context.Context, key string) (report.Purge, error) {
	o := b.ledger.find(key)
	result := report.Purge{At: b.now().Seconds(), Edges: make([]float64, len(b.edges))}
	probing, cancel := context.WithTimeout(ctx, purgeLimit)
	defer cancel()
	var group sync.WaitGroup
	var called time.Time
	start := make(chan struct{})
	for i, p := range b.edges {
		result.Edges[i] = -1
		if !p.Running() {
			continue
		}
		if status, err := p.fetch(ctx, o, nil); err != nil || status != http.StatusOK {
			continue // cut off from the log, or it could not be stored here
		}
		group.Go(func() {
			for <-start; probing.Err() == nil; time.Sleep(probeEvery) {
				status, err := p.fetch(probing, o, nil)
				if err == nil && status == http.StatusNotFound {
					result.Edges[i] = time.Since(called).Seconds()
					return
				}
			}
		})
	}
	called = time.Now()
	close(start)
	_, err := b.client.Purge(ctx, api.PurgeRequest{Keys: []string{key}})
	if err != nil {
		cancel()
	}
	group.Wait()
	return result, err
}
