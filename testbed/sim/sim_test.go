package sim

import (
	"testing"
	"time"

	"fanfare/sender"
	"fanfare/testbed/netem"
)

// lan is a network of n edges with a round trip of 20 ms, and loss on the way down.
func lan(n int, loss float64) Config {
	delay := 10 * time.Millisecond
	return Config{
		Seed:   1,
		Sender: sender.Config{Rate: 200_000_000, PacketOverhead: 28},
		Edges:  Star(n, netem.Config{Delay: delay, Loss: loss}, netem.Config{Delay: delay}),
	}
}

// run publishes objects of some bytes at 200 ms, when all edges have been heard, and runs until
// all is done.
func run(t *testing.T, cfg Config, bytes ...uint64) Result {
	t.Helper()
	r, _ := finished(t, cfg, bytes...)
	return r
}

// finished is run for tests that look into the simulation.
func finished(t *testing.T, cfg Config, bytes ...uint64) (Result, *Simulation) {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bytes {
		s.Publish(200*time.Millisecond, Bundle(b, 200))
	}
	return finish(t, s), s
}

// finish runs a simulation until all is done.
func finish(t *testing.T, s *Simulation) Result {
	t.Helper()
	r, err := s.Run(5 * time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Finished {
		t.Fatalf("seed %d: not finished: %+v", s.cfg.Seed, r)
	}
	return r
}

func TestLossless(t *testing.T) {
	r := run(t, lan(4, 0), 10_000_000)
	o := r.Objects[0]
	if o.Sent != o.Source || r.Receivers.NACKsSent != 0 {
		t.Errorf("sent %d of %d symbols, %d NACKs", o.Sent, o.Source, r.Receivers.NACKsSent)
	}
	if tail := o.Last - o.FirstPass; tail > 10*time.Millisecond {
		t.Errorf("the last edge had it %v after the first pass", tail)
	}
}

func TestHundredEdges(t *testing.T) {
	r := run(t, lan(100, 0.05), 20_000_000)
	o := r.Objects[0]
	ideal := IdealObject(Bundle(20_000_000, 200), 0, Losers{100, 0.05})
	t.Logf("ratio %.4f ideal %.4f = %.4f surplus %d twice %d tail %v nacks %d", o.Ratio(), ideal, o.Ratio()/ideal, o.Surplus, o.RepairedTwice, o.Last-o.FirstPass, r.Receivers.NACKsSent)
	if o.Ratio() > 1.03*ideal {
		t.Errorf("sent %.4f symbols for each source symbol, ideal %.4f", o.Ratio(), ideal)
	}
	if o.RepairedTwice != 0 {
		t.Errorf("%d symbols repaired twice", o.RepairedTwice)
	}
}
