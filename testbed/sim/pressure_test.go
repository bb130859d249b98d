package sim

import (
	"testing"
	"time"

	"fanfare/testbed/netem"
)

// slow is a network of n edges with a round trip, of which the first few take in only a part of the rate.
func slow(n, few int, rtt time.Duration, part float64) Config {
	cfg := lan(n, 0)
	delay := netem.Config{Delay: rtt / 2}
	cfg.Edges = Star(n, delay, delay)
	for i := range few {
		cfg.Edges[i].Intake = uint64(part * float64(cfg.Sender.Rate))
	}
	return cfg
}

func TestPressureTry(t *testing.T) {
	for _, rtt := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, 600 * time.Millisecond} {
		for _, part := range []float64{0.2, 0.6, 0.95} {
			cfg := slow(4, 4, rtt, part)
			cfg.Sender.Rate = 400_000_000
			for i := range cfg.Edges { cfg.Edges[i].Intake *= 2 }
			s, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			s.Publish(2*time.Second, Bundle(100_000_000, 200))
			var min, max float64
			min = 1e9
			for at := 2*time.Second; at < 4*time.Second; at += 10*time.Millisecond {
				s.At(at, func() {
					r := float64(s.origin.engine.Stats().Rate)/1e6
					if r < min { min = r }
					if r > max { max = r }
				})
			}
			r := finish(t, s)
			o := r.Objects[0]
			took := o.Last.Seconds() - rtt.Seconds()/2
			good := 800e6 / took / (part * 400e6)
			t.Logf("rtt %v part %v: took %.3f s goodput %.3f of intake, ratio %.4f, drops %d, backlogs %d, nacks %d, rate %.0f to %.0f", rtt, part, took, good, o.Ratio(), r.Receivers.SocketDrops, r.Receivers.BacklogsSent, r.Receivers.NACKsSent, min, max)
		}
	}
}
