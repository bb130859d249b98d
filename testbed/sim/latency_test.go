package sim

import (
	"slices"
	"testing"
	"time"

	"fanfare/testbed/netem"
)

// quantile returns the value below which a share of all lies.
func quantile(values []time.Duration, share float64) time.Duration {
	slices.Sort(values)
	return values[min(int(share*float64(len(values))), len(values)-1)]
}

// TestEntryLatency measures how long until an entry, such as a purge, is known at all of 4 edges,
// at 10 % loss both ways and a round trip of 40 ms. Repair alone would make the p99 170 ms.
func TestEntryLatency(t *testing.T) {
	link := netem.Config{Delay: 20 * time.Millisecond, Loss: 0.1}
	cfg := lan(4, 0)
	cfg.Edges = Star(4, link, link)
	cfg.Entries = true
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		s.Publish(time.Second+time.Duration(i)*300*time.Millisecond, Bundle(0, 200))
	}
	r, err := s.Run(time.Hour)
	if err != nil || !r.Finished {
		t.Fatal(err, r.Finished)
	}
	var took []time.Duration
	for _, o := range r.Objects {
		took = append(took, o.Last)
	}
	t.Logf("p50 %v, p90 %v, p99 %v, longest %v", quantile(took, 0.5), quantile(took, 0.9), quantile(took, 0.99), quantile(took, 1))
	if p99 := quantile(took, 0.99); p99 > 60*time.Millisecond {
		t.Errorf("p99 is %v", p99)
	}
}

// TestTail measures how long after the first pass the last of 4 edges has an object, at 10 % loss
// both ways.
func TestTail(t *testing.T) {
	const rounds = 300
	var took []time.Duration
	for seed := range uint64(rounds) {
		cfg := lan(4, 0.1)
		for i := range cfg.Edges {
			cfg.Edges[i].Up.Loss = 0.1
		}
		cfg.Seed = seed
		r := run(t, cfg, 1_000_000)
		took = append(took, r.Objects[0].Last-r.Objects[0].FirstPass)
	}
	t.Logf("p50 %v, p90 %v, p99 %v, longest %v", quantile(took, 0.5), quantile(took, 0.9), quantile(took, 0.99), quantile(took, 1))
	if p99 := quantile(took, 0.99); p99 > 120*time.Millisecond {
		t.Errorf("p99 is %v", p99)
	}
}
