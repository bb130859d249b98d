package sim

import (
	"testing"
	"time"

	"fanfare/testbed/netem"
)

// slow is a network of n edges with a round trip, of which the first few take in only a part of the
// rate, which is 400 Mb/s.
func slow(n, few int, rtt time.Duration, part float64) Config {
	cfg := lan(n, 0)
	cfg.Sender.Rate = 400_000_000
	delay := netem.Config{Delay: rtt / 2}
	cfg.Edges = Star(n, delay, delay)
	for i := range few {
		cfg.Edges[i].Intake = uint64(part * float64(cfg.Sender.Rate))
	}
	return cfg
}

// symbolShare is which part of the bytes of its packets a symbol is, in this simulation.
const symbolShare = 1408.0 / (1408 + 64 + 28)

// TestPressure checks that edges which all take in less than the rate get as much as they can take,
// and that nothing is lost but in the round trips until the sender hears of them.
func TestPressure(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		rtt            time.Duration
		part           float64
		bytes          uint64
		good, overhead float64
	}{
		{1 * ms, 0.1, 20_000_000, 0.98, 0},
		{1 * ms, 0.6, 100_000_000, 0.98, 0},
		{1 * ms, 0.95, 100_000_000, 0.98, 0},
		{20 * ms, 0.6, 100_000_000, 0.98, 0},
		{100 * ms, 0.6, 100_000_000, 0.98, 0},
		{600 * ms, 0.6, 400_000_000, 0.90, 0.06},
	}
	for _, test := range tests {
		s, err := New(slow(4, 4, test.rtt, test.part))
		if err != nil {
			t.Fatal(err)
		}
		s.Publish(time.Second, Bundle(test.bytes, 200))
		r := finish(t, s)
		o := r.Objects[0]
		took := (o.Last - test.rtt/2).Seconds()
		good := float64(test.bytes) * 8 / took / (test.part * 400e6 * symbolShare)
		t.Logf("round trip %v, intake of %v: %.2f s, goodput %.3f of the intake, %.4f sent, %d dropped, %d backlogs told",
			test.rtt, test.part, took, good, o.Ratio(), r.Receivers.SocketDrops, r.Receivers.BacklogsSent)
		if good < test.good || o.Ratio() > 1+test.overhead {
			t.Errorf("round trip %v, intake of %v: goodput %.3f of the intake, %.4f sent for each source symbol", test.rtt, test.part, good, o.Ratio())
		}
	}
}

// TestPressureLasts checks that the rate on a long path, once found, neither swings wildly nor loses.
func TestPressureLasts(t *testing.T) {
	for _, rtt := range []time.Duration{100 * time.Millisecond, 600 * time.Millisecond} {
		s, err := New(slow(4, 4, rtt, 0.6))
		if err != nil {
			t.Fatal(err)
		}
		s.Publish(time.Second, Bundle(1_000_000_000, 200))
		settled, err := s.Run(8 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		least, most, sum, n := 1.0, 0.0, 0.0, 0
		for at := 8 * time.Second; at < 20*time.Second; at += 10 * time.Millisecond {
			s.At(at, func() {
				rate := float64(s.origin.engine.Stats().Rate) / 400e6
				least, most, sum, n = min(least, rate), max(most, rate), sum+rate, n+1
			})
		}
		end, err := s.Run(20 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		drops := end.Receivers.SocketDrops - settled.Receivers.SocketDrops
		t.Logf("round trip %v: %.3f to %.3f of the rate, mean %.3f, %d dropped", rtt, least, most, sum/float64(n), drops)
		if least < 0.5 || most > 0.75 || sum/float64(n) < 0.58 || drops > 0 {
			t.Errorf("round trip %v: %.3f to %.3f of the rate, mean %.3f, %d dropped; the edges take in 0.6", rtt, least, most, sum/float64(n), drops)
		}
	}
}

// TestPressureFew checks that as many slow edges as may be demoted do not slow the others, that
// more do so no more than their repair would, and that half do.
func TestPressureFew(t *testing.T) {
	const bytes = 100_000_000
	alone := run(t, slow(10, 0, time.Millisecond, 0), bytes).Objects[0].Last
	tests := []struct {
		few         int
		part        float64
		least, most float64 // the time of the others over that without slow ones
	}{
		{1, 0.6, 1, 1.03}, {2, 0.6, 1, 1.1}, {3, 0.6, 1.6, 1.72}, {3, 0.1, 1, 2.2}, {5, 0.2, 4.9, 5.2},
	}
	for _, test := range tests {
		cfg := slow(10, 0, time.Millisecond, 0)
		for i := 10 - test.few; i < 10; i++ {
			cfg.Edges[i].Intake = uint64(400e6 * test.part)
		}
		r, s := finished(t, cfg, bytes)
		took := lastOf(s, 0, 10-test.few).Seconds() / alone.Seconds()
		t.Logf("%d of 10 take in %v: the others took %.3f times as long as alone; %d dropped, %d demoted", test.few, test.part, took, r.Receivers.SocketDrops, r.Sender.EdgesDemoted)
		if took < test.least || took > test.most {
			t.Errorf("%d of 10 take in %v: the others took %.3f times as long as alone", test.few, test.part, took)
		}
	}
}

// TestPressureGroup checks that a group so large that edges tell of their backlogs with reports
// only is not outrun for long, and that feedback stays within its budget.
func TestPressureGroup(t *testing.T) {
	cfg := slow(70, 70, 20*time.Millisecond, 0.6)
	r := run(t, cfg, 100_000_000)
	o := r.Objects[0]
	good := 100e6 * 8 / o.Last.Seconds() / (0.6 * 400e6 * symbolShare)
	t.Logf("goodput %.3f of the intake, %.4f sent, %d dropped, feedback %.5f", good, o.Ratio(), r.Receivers.SocketDrops, r.FeedbackShare())
	if r.Receivers.BacklogsSent > 0 || good < 0.7 || o.Ratio() > 1.3 {
		t.Errorf("goodput %.3f of the intake, %.4f sent, %d backlogs told", good, o.Ratio(), r.Receivers.BacklogsSent)
	}
}

// TestPressureAdaptive checks that an adaptive rate, and pressure, each have their way.
func TestPressureAdaptive(t *testing.T) {
	slowEdges := slow(4, 4, 20*time.Millisecond, 0.5)
	slowEdges.Sender.MinRate = 1_000_000
	wantRate(t, endless(t, slowEdges), 3*time.Second, 10*time.Second, 190, 202, 0.001)
	slowPath := slow(4, 4, 20*time.Millisecond, 0.5)
	slowPath.Sender.MinRate = 1_000_000
	slowPath.Trunk = netem.Config{Rate: 40_000_000, Queue: 256 << 10}
	wantRate(t, endless(t, slowPath), 5*time.Second, 25*time.Second, 20, 40.1, 0.01)
}
