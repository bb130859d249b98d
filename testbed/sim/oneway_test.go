package sim

import (
	"fmt"
	"testing"
	"time"

	"fanfare/receiver"
	"fanfare/testbed/netem"
)

// oneWay is a network of n edges that cannot answer.
func oneWay(seed uint64, n int, down netem.Config) Config {
	cfg := lan(n, 0)
	cfg.Seed, cfg.Entries = seed, true
	cfg.Edges = Star(n, down, netem.Config{Loss: 1})
	cfg.OneWay = &OneWay{Proactive: 0.2, Pause: 100 * time.Millisecond}
	return cfg
}

// oneWaySizes are what the tests publish, in bytes.
var oneWaySizes = []uint64{10_000_000, 0, 1, 10_000, 300_000, 2_000_000}

// publishAll publishes oneWaySizes at a time.
func publishAll(s *Simulation, at time.Duration) {
	for _, bytes := range oneWaySizes {
		s.Publish(at, Bundle(bytes, 200))
	}
}

// cycle runs on until a whole cycle has carried everything, and returns how long one takes with
// its pause.
func cycle(t *testing.T, s *Simulation) time.Duration {
	t.Helper()
	for first := s.Carousel().Cycle; s.Carousel().Cycle < first+3; {
		if _, err := s.RunOn(100 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	return s.Carousel().Length + s.cfg.OneWay.Pause
}

// TestOneWayTwoCycles has edges that lose a tenth of all packets, singly and in bursts: with a fifth
// of repair symbols everything is complete within two cycles.
func TestOneWayTwoCycles(t *testing.T) {
	seeds := uint64(12)
	if testing.Short() {
		seeds = 3
	}
	for _, test := range []struct {
		name  string
		edges int
		down  netem.Config
	}{
		{"single", 20, netem.Config{Delay: 10 * time.Millisecond, Loss: 0.1}},
		{"bursts", 20, netem.Config{Delay: 10 * time.Millisecond, Burst: netem.Bursts(0.1, 20)}},
		{"disorder", 3, netem.Config{Delay: 300 * time.Millisecond, Loss: 0.1, Jitter: 5 * time.Millisecond, Duplicate: 0.05, Reorder: 0.05, ReorderDelay: 10 * time.Millisecond}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var first, all int
			var worst float64
			for seed := range seeds {
				s, err := New(oneWay(seed, test.edges, test.down))
				if err != nil {
					t.Fatal(err)
				}
				publishAll(s, time.Second)
				r := finish(t, s)
				length := cycle(t, s)
				for _, o := range r.Objects {
					worst = max(worst, o.Last.Seconds()/length.Seconds())
					if o.Last > 2*length+test.down.Delay {
						t.Errorf("seed %d: object %x took %v, a cycle takes %v", seed, o.TOI, o.Last, length)
					}
				}
				for sequence := range oneWaySizes {
					for _, took := range s.InForce(uint64(sequence) + 1) {
						all++
						if took < length {
							first++
						}
					}
				}
				if r.FeedbackMessages != 0 || r.Receivers.NACKsSent+r.Receivers.ReportsSent != 0 {
					t.Fatalf("edges sent %d messages", r.FeedbackMessages)
				}
			}
			t.Logf("%d of %d objects were complete within a cycle; the last took %.2f cycles", first, all, worst)
		})
	}
}

// TestOneWayLateJoiner has edges join in the middle of a cycle.
func TestOneWayLateJoiner(t *testing.T) {
	seeds := uint64(10)
	if testing.Short() {
		seeds = 2
	}
	var worst float64
	for seed := range seeds {
		cfg := oneWay(seed, 6, netem.Config{Delay: 10 * time.Millisecond, Loss: 0.1})
		joins := make([]time.Duration, len(cfg.Edges))
		for i := range cfg.Edges[1:] {
			joins[i+1] = 4*time.Second + time.Duration(i)*130*time.Millisecond
			cfg.Edges[i+1].Join = joins[i+1]
		}
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		publishAll(s, time.Second)
		finish(t, s)
		length := cycle(t, s)
		for i, join := range joins[1:] {
			for sequence := range oneWaySizes {
				took := s.InForce(uint64(sequence) + 1)[i+1] + time.Second - join
				worst = max(worst, took.Seconds()/length.Seconds())
				if took > 2*length {
					t.Errorf("seed %d: entry %d took %v to an edge that joined at %v, a cycle takes %v", seed, sequence+1, took, join, length)
				}
			}
		}
	}
	t.Logf("the last took %.2f cycles", worst)
}

// TestOneWayHeavyLoss has edges lose more than the repair symbols make up for: cycles add up, as
// long as the open blocks find room.
func TestOneWayHeavyLoss(t *testing.T) {
	for _, open := range []int{0, 8} {
		t.Run(fmt.Sprint(open), func(t *testing.T) {
			cfg := oneWay(1, 4, netem.Config{Delay: 10 * time.Millisecond, Loss: 0.3})
			cfg.Receiver = receiver.Config{MaxOpenBlocks: open}
			s, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			publishAll(s, time.Second)
			r := finish(t, s)
			length := cycle(t, s)
			cycles := (r.At - time.Second).Seconds() / length.Seconds()
			t.Logf("%.1f cycles, %d symbols refused", cycles, r.Receivers.SymbolsRefused)
			if limit := 2.0; open == 0 && cycles > limit {
				t.Errorf("took %.1f cycles", cycles)
			}
			if open > 0 && (cycles > 20 || r.Receivers.SymbolsRefused == 0) {
				t.Errorf("took %.1f cycles, %d symbols refused", cycles, r.Receivers.SymbolsRefused)
			}
		})
	}
}

// TestOneWayRestarts restarts the origin in the middle of a cycle, and an edge that then finds
// some blocks on disk.
func TestOneWayRestarts(t *testing.T) {
	cfg := oneWay(1, 4, netem.Config{Delay: 10 * time.Millisecond, Loss: 0.1})
	cfg.Edges[3].Join = 2 * time.Second
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	publishAll(s, time.Second)
	s.At(1300*time.Millisecond, s.RestartOrigin)
	s.At(1400*time.Millisecond, func() { s.StopEdge(1) })
	s.At(1500*time.Millisecond, func() { s.fail(s.StartEdge(1)) })
	r := finish(t, s)
	if r.Receivers.SenderRestarts < 3 {
		t.Errorf("%d restarts were seen", r.Receivers.SenderRestarts)
	}
	if length := cycle(t, s); r.At > 2*time.Second+2*length {
		t.Errorf("took %v, a cycle takes %v", r.At, length)
	}
}

// TestOneWayPurge measures how soon a purge is in force at all of 100 edges that lose a tenth of
// all packets, while cycles go on and when nothing else is sent.
func TestOneWayPurge(t *testing.T) {
	for _, pause := range []time.Duration{0, time.Hour} {
		cfg := oneWay(1, 100, netem.Config{Delay: 20 * time.Millisecond, Loss: 0.1})
		cfg.OneWay.Pause = pause
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		s.PublishObjects(time.Second, object(t, "/film", 20_000_000, "film")) // a second for each cycle
		const purges = 100
		for i := range purges {
			s.Purge(4*time.Second+time.Duration(i)*50*time.Millisecond, tag("old"))
		}
		finish(t, s)
		var every, last []time.Duration
		for sequence := range uint64(purges) {
			took := s.InForce(sequence + 2)
			every = append(every, took...)
			last = append(last, quantile(took, 1))
		}
		t.Logf("pause %v: at one edge p99 %v, p99.99 %v; at all of 100 p50 %v, p99 %v, longest %v", pause,
			quantile(every, 0.99), quantile(every, 0.9999), quantile(last, 0.5), quantile(last, 0.99), quantile(last, 1))
		if p99 := quantile(last, 0.99); p99 > 60*time.Millisecond {
			t.Errorf("pause %v: p99 at all edges is %v", pause, p99)
		}
		if p99 := quantile(every, 0.99); p99 > 35*time.Millisecond {
			t.Errorf("pause %v: p99 at one edge is %v", pause, p99)
		}
	}
}

// TestOneWayGap cuts all edges off for a while: what they missed comes again after as long a time,
// whatever a cycle takes.
func TestOneWayGap(t *testing.T) {
	cfg := oneWay(1, 3, netem.Config{Delay: 10 * time.Millisecond, Loss: 0.05})
	cfg.Sender.Rate = 10_000_000
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.PublishObjects(time.Second, object(t, "/film", 100_000_000, "film")) // 100 s a cycle
	const gap = 4 * time.Second
	s.At(10*time.Second, func() {
		for i := range s.edges {
			down, _ := s.Link(i)
			down.Cut(s.now.Add(gap))
		}
	})
	s.Purge(10*time.Second+10*time.Millisecond, tag("old"))
	finish(t, s)
	for i, took := range s.InForce(2) {
		if took < gap || took > 2*gap+50*time.Millisecond {
			t.Errorf("edge %d: in force after %v", i, took)
		}
	}
}

// TestOneWayLog checks catalogues: every entry comes to a late edge by multicast alone, in any order.
func TestOneWayLog(t *testing.T) {
	cfg := oneWay(3, 5, netem.Config{Delay: 5 * time.Millisecond, Loss: 0.1, Jitter: 3 * time.Millisecond})
	cfg.Edges[4].Join = 3 * time.Second
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		at := 500*time.Millisecond + time.Duration(i)*20*time.Millisecond
		s.PublishObjects(at, object(t, fmt.Sprint("/o", i%20), 20_000, fmt.Sprint("t", i%7)))
		if i%5 == 4 {
			s.Purge(at+time.Millisecond, tag(fmt.Sprint("t", i%3)))
		}
	}
	r := finish(t, s)
	if l := r.Log; l.InStep != 5 || l.DigestsDiffer+l.PurgedServed+l.WrongAnswers+l.CatchUps != 0 {
		t.Errorf("%+v", l)
	}
}
