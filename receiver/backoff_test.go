package receiver

import (
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/internal/wire"
)

func TestBackoff(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	if d := backoff(rng, wire.BackoffGroup, 20*ms); d != 0 {
		t.Errorf("a small group waits %v", d)
	}
	const n = 10_000
	early, sum := 0, time.Duration(0)
	for range n {
		d := backoff(rng, 1000, 20*ms)
		if d < 0 || d > wire.BackoffFactor*20*ms {
			t.Fatalf("drew %v", d)
		}
		if d < 60*ms {
			early++
		}
		sum += d
	}
	// F(t) = (e^(λt/T)-1)/(e^λ-1) with λ = ln(1000)+1 and t = T/2: 1.9 % come in the first half.
	if share := float64(early) / n; share < 0.014 || share > 0.024 {
		t.Errorf("%.3f come in the first half", share)
	}
	if d := backoff(rng, 1000, 0); d > wire.BackoffFactor*minGRTT {
		t.Errorf("drew %v without a round trip", d)
	}
}
