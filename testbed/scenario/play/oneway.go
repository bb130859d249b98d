package play

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"fanfare/testbed/scenario"
	"fanfare/testbed/sim"
)

// Without a return path the origin knows nothing of its edges: they are asked themselves.

const (
	// askEvery is how often an edge is asked for what it lacks.
	askEvery = 50 * time.Millisecond
	// oneWayPause is between two cycles of the carousel.
	oneWayPause = 200 * time.Millisecond
)

// oneWayOf returns what the simulator is to do for a session without a return path, else nil.
func oneWayOf(s *scenario.Session) *sim.OneWay {
	if !s.OneWay() {
		return nil
	}
	return &sim.OneWay{Proactive: float64(s.Proactive), Pause: oneWayPause}
}

// ask asks the edges for one object of each bundle until all serve the publication, or what of it
// was not purged.
func (f *follower) ask(ctx context.Context) {
	parts := bundles(f.p.objects)
	for !f.all() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(askEvery):
		}
		for i, p := range f.bed.edges {
			f.mu.Lock()
			done := f.served[i] >= 0
			f.mu.Unlock()
			if done || !p.Running() {
				continue
			}
			there := 0
			for _, part := range parts {
				if status, err := p.fetch(ctx, part[0], nil); err == nil && (status == http.StatusOK ||
					status == http.StatusNotFound && f.bed.ledger.isGone(part[0].key)) {
					there++
				}
			}
			f.found(i, float64(there)/float64(len(parts)))
		}
	}
}

// found takes in which share of the publication an edge was seen to serve.
func (f *follower) found(i int, share float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fraction[i] = max(f.fraction[i], share)
	if share == 1 {
		f.served[i] = f.p.acked + time.Since(f.acked)
		f.bed.ledger.arrive(f.bed.edges[i].Name, f.p.step.Name)
	}
}

// lacksOneWay says what an edge lacks of a log that ends at head, by its own word.
func lacksOneWay(ctx context.Context, p *process, head uint64) string {
	if !p.Running() {
		return ""
	}
	status, body, err := p.Get(ctx, "/readyz")
	var ready struct{ Mark uint64 }
	switch {
	case err != nil:
		return "does not answer: " + err.Error()
	case status != http.StatusOK:
		return "is not ready"
	case json.Unmarshal(body, &ready) != nil || ready.Mark < head:
		return fmt.Sprintf("knows the log up to %d of %d", ready.Mark, head)
	}
	return ""
}
