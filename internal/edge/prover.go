package edge

import (
	"context"
	"errors"
	"net/http"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/fetch"
)

// proofTimeout bounds all requests that one doubt makes.
const proofTimeout = 5 * time.Second

// prover shows the origin what it has signed. Its goroutine is run.
type prover struct {
	client     *fetch.Client
	generation string
	requests   chan [][]byte // of capacity 1
	outbox                   // proofDone
}

// proofDone is what the origin said.
type proofDone struct {
	api.Proof
	err error
}

// run serves requests until ctx ends.
func (p *prover) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case signed := <-p.requests:
			p.post(ctx, p.prove(ctx, signed))
		}
	}
}

func (p *prover) prove(ctx context.Context, signed [][]byte) proofDone {
	ctx, cancel := context.WithTimeout(ctx, proofTimeout)
	defer cancel()
	var done proofDone
	for _, raw := range signed {
		if done.Proof, done.err = p.client.Prove(ctx, raw, p.generation); done.err != nil || done.Outdated {
			break
		}
	}
	var refused *api.Error
	if errors.As(done.err, &refused) && refused.Status == http.StatusConflict {
		done.err = errOtherGeneration
	}
	return done
}
