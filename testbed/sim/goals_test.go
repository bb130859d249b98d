package sim

import (
	"testing"
	"time"

	"fanfare/testbed/netem"
)

// TestSatellite brings 50 MB over a path of 50 Mb/s with a round trip of 600 ms and 1 % loss,
// within 1.1 times what the bytes alone take and two round trips.
func TestSatellite(t *testing.T) {
	const bytes, rate, rtt = 50_000_000, 50_000_000, 600 * time.Millisecond
	limit := time.Duration(1.1*8*bytes/rate*float64(time.Second)) + 2*rtt
	for seed := range uint64(5) {
		link := netem.Config{Delay: rtt / 2, Loss: 0.01}
		cfg := lan(4, 0)
		cfg.Seed, cfg.Entries = seed, true
		cfg.Sender.Rate = rate
		cfg.Edges = Star(4, link, link)
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		s.Publish(5*time.Second, Bundle(bytes, 200))
		r := finish(t, s)
		o := r.Objects[0]
		t.Logf("seed %d: first pass %v, complete after %v of %v; sent %.4f, %d of them unasked", seed, o.FirstPass, o.Last, limit, o.Ratio(), o.Proactive)
		if o.Last > limit {
			t.Errorf("seed %d: complete after %v, more than %v", seed, o.Last, limit)
		}
	}
}

// TestPurgeInForce holds the p99 of a purge in force at all of 4 edges to 60 ms, at 10 % loss both
// ways and a round trip of 40 ms, idle and while a large object is on its way.
func TestPurgeInForce(t *testing.T) {
	for _, busy := range []bool{false, true} {
		link := netem.Config{Delay: 20 * time.Millisecond, Loss: 0.1}
		cfg := lan(4, 0)
		cfg.Edges, cfg.Entries = Star(4, link, link), true
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		const purges = 400
		if busy {
			s.PublishObjects(time.Second, object(t, "/large", 600_000_000))
		}
		for i := range purges {
			s.Purge(1500*time.Millisecond+time.Duration(i)*61*time.Millisecond, tag("tag"))
		}
		r := finish(t, s)
		var took []time.Duration
		for _, o := range r.Objects[len(r.Objects)-purges:] {
			took = append(took, o.Last)
		}
		t.Logf("with other traffic %v: p50 %v, p90 %v, p99 %v, longest %v", busy, quantile(took, 0.5), quantile(took, 0.9), quantile(took, 0.99), quantile(took, 1))
		if p99 := quantile(took, 0.99); p99 > 60*time.Millisecond {
			t.Errorf("p99 is %v", p99)
		}
	}
}

// TestFeedbackLoss checks that the loss of 10 % of the feedback changes completion times by less than
// 10 %.
func TestFeedbackLoss(t *testing.T) {
	for _, test := range []struct {
		edges int
		bytes uint64
	}{{4, 1_000_000}, {4, 20_000_000}, {100, 20_000_000}} {
		var mean [2]time.Duration
		for i, loss := range []float64{0, 0.1} {
			const seeds = 5
			for seed := range uint64(seeds) {
				cfg := lan(test.edges, 0.05)
				cfg.Seed = seed
				for j := range cfg.Edges {
					cfg.Edges[j].Up.Loss = loss
				}
				mean[i] += run(t, cfg, test.bytes).Objects[0].Last / seeds
			}
		}
		change := float64(mean[1])/float64(mean[0]) - 1
		t.Logf("%d edges, %d bytes: %v and %v, %+.2f %%", test.edges, test.bytes, mean[0], mean[1], 100*change)
		if change > 0.1 {
			t.Errorf("%d edges, %d bytes: completion takes %.1f %% longer", test.edges, test.bytes, 100*change)
		}
	}
}
