package sim

import (
	"testing"
	"time"

	"fanfare/testbed/netem"
)

// adaptive is lan with a rate between 1 and 200 Mb/s.
func adaptive(n int, loss float64) Config {
	cfg := lan(n, loss)
	cfg.Sender.MinRate = 1_000_000
	return cfg
}

// endless has something to send for a long time.
func endless(t *testing.T, cfg Config) *Simulation {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Publish(200*time.Millisecond, Bundle(4_000_000_000, 200))
	return s
}

// between returns the mean rate in Mb/s at which the origin sent from one time to another, and the
// share of the packets that edges lost. All that time the rate must be within its bounds.
func between(t *testing.T, s *Simulation, from, to time.Duration) (rate, loss float64) {
	t.Helper()
	before, err := s.Run(from)
	if err != nil {
		t.Fatal(err)
	}
	after := before
	for at := from; at < to; {
		at += 100 * time.Millisecond
		if after, err = s.Run(at); err != nil {
			t.Fatal(err)
		}
		if r := uint64(after.Sender.Rate); r < s.cfg.Sender.MinRate || r > s.cfg.Sender.Rate {
			t.Fatalf("rate %d after %v", r, at)
		}
	}
	lost := float64(after.Receivers.PacketsLost - before.Receivers.PacketsLost)
	in := float64(after.Receivers.PacketsReceived - before.Receivers.PacketsReceived)
	return float64(after.Sender.BytesSent-before.Sender.BytesSent) * 8 / 1e6 / (to - from).Seconds(), lost / (lost + in)
}

// wantRate checks the mean rate in Mb/s from one time to another, and the loss.
func wantRate(t *testing.T, s *Simulation, from, to time.Duration, least, most, mostLoss float64) {
	t.Helper()
	rate, loss := between(t, s, from, to)
	t.Logf("%v to %v: %.2f Mb/s, loss %.3f %%", from, to, rate, 100*loss)
	if rate < least || rate > most || loss > mostLoss {
		t.Errorf("%v to %v: %.2f Mb/s and a loss of %.4f, want %v to %v and at most %v", from, to, rate, loss, least, most, mostLoss)
	}
}

// TestRateStart checks that a clean path is used in full within two seconds.
func TestRateStart(t *testing.T) {
	s := endless(t, adaptive(20, 0))
	wantRate(t, s, 0, 200*time.Millisecond, 0, 5, 0) // heartbeats, and what the bucket holds
	wantRate(t, s, 2*time.Second, 5*time.Second, 199, 201, 0)
}

// TestRateBottleneck checks that the rate finds a bottleneck of 20 Mb/s, and leaves it when it goes.
func TestRateBottleneck(t *testing.T) {
	for _, queue := range []int{32 << 10, 256 << 10} {
		cfg := adaptive(4, 0)
		cfg.Trunk = netem.Config{Rate: 20_000_000, Queue: queue}
		s := endless(t, cfg)
		wantRate(t, s, 5*time.Second, 25*time.Second, 10, 20.1, 0.01)
		s.At(25*time.Second, func() {
			if err := s.Trunk().Reconfigure(netem.Config{}); err != nil {
				t.Error(err)
			}
		})
		wantRate(t, s, 45*time.Second, 50*time.Second, 100, 201, 0)
	}
}

// TestRateLoss checks that random loss of 1 % at all edges gives about TCP's rate: 6.6 Mb/s at a round
// trip of 20 ms.
func TestRateLoss(t *testing.T) {
	wantRate(t, endless(t, adaptive(20, 0.01)), 5*time.Second, 25*time.Second, 3.3, 13, 0.02)
}

// TestRateBadEdge checks that one edge in twenty that loses too little to be demoted, or has a slow
// line, does not slow the others, and that three do.
func TestRateBadEdge(t *testing.T) {
	one := adaptive(20, 0)
	one.Edges[7].Down.Loss = 0.05
	wantRate(t, endless(t, one), 3*time.Second, 10*time.Second, 190, 201, 0.01)
	slow := adaptive(20, 0)
	slow.Edges[7].Down.Rate = 30_000_000
	wantRate(t, endless(t, slow), 3*time.Second, 10*time.Second, 190, 201, 0.1)
	three := adaptive(20, 0)
	for i := range 3 {
		three.Edges[i].Down.Loss = 0.05
	}
	wantRate(t, endless(t, three), 5*time.Second, 15*time.Second, 1, 10, 0.02)
}

// TestRateSilence checks that a sender that hears nothing falls back to its least rate, and comes
// back with the edges.
func TestRateSilence(t *testing.T) {
	s := endless(t, adaptive(4, 0))
	cut := func(loss float64) func() {
		return func() {
			for i, e := range s.cfg.Edges {
				up := e.Up
				up.Loss = loss
				if err := s.SetLinks(i, e.Down, up); err != nil {
					t.Error(err)
				}
			}
		}
	}
	s.At(3*time.Second, cut(1))
	s.At(20*time.Second, cut(0))
	wantRate(t, s, 16*time.Second, 20*time.Second, 0.9, 1.2, 0)
	wantRate(t, s, 25*time.Second, 30*time.Second, 150, 201, 0.01)
}
