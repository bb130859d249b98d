package sender

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

func TestTCPRate(t *testing.T) {
	for _, test := range []struct {
		rtt  time.Duration
		ppm  uint32
		want float64 // bits per second, by hand
	}{
		{100 * ms, 10_000, 1.3120e6},
		{20 * ms, 10_000, 6.5600e6},
		{100 * ms, 100, 1.4289e7},
		{100 * ms, 100_000, 2.067e5},
		{10 * time.Microsecond, 10_000, 1.3120e8}, // as if 1 ms
	} {
		if got := tcpRate(test.rtt, test.ppm); math.Abs(got-test.want) > 0.02*test.want {
			t.Errorf("round trip %v, %d ppm: %.4g bit/s, want %.4g", test.rtt, test.ppm, got, test.want)
		}
	}
	if !math.IsInf(tcpRate(ms, 0), 1) {
		t.Error("no loss bounds the rate")
	}
}

func TestRateConfig(t *testing.T) {
	for _, cfg := range []Config{
		{Rate: 1_000_000, MinRate: 1_000_001}, {Rate: 1_000_000, MinRate: 7_999}, {Rate: 1_000_000, MinRate: 100_000, OneWay: true},
	} {
		if err := cfg.Validate(); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

// TestRateFixed checks that nothing edges say changes a fixed rate.
func TestRateFixed(t *testing.T) {
	g := newGroup(t, Config{Rate: 50_000_000}, 0)
	g.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(1_000_000, 200, 255)})
	for range 50 {
		g.quiet(100 * ms)
		g.tell(0, &wire.Report{LossEventPPM: 100_000})
	}
	if s := g.engine.Stats(); s.Rate != 50_000_000 || g.beat.Rate != 50_000_000 {
		t.Errorf("rate %d, told %d", s.Rate, g.beat.Rate)
	}
}

// TestRateQuantile checks that a tenth of the edges, rounded down, cannot slow the others.
func TestRateQuantile(t *testing.T) {
	for _, test := range []struct{ edges, bad, want int }{
		{1, 1, 1}, {9, 1, 1}, {10, 1, 10}, {19, 1, 10}, {20, 2, 10}, {20, 3, 1}, {100, 10, 10}, {100, 11, 1},
	} {
		g := newGroup(t, Config{Rate: 100_000_000, MinRate: 10_000_000}, make([]uint32, test.edges)...)
		g.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(1_000_000, 200, 255)})
		for range 4000 {
			g.quiet(ms)
			i := int(g.counter) % test.edges
			r := wire.Report{}
			if i < test.bad {
				r.LossEventPPM = 900_000
			}
			g.tell(i, &r)
		}
		if got := g.engine.Stats().Rate; got != test.want*10_000_000 {
			t.Errorf("%d of %d edges are bad: rate %d", test.bad, test.edges, got)
		}
	}
}

// TestRateIdle checks that a rate is not trusted on a path that nothing has been sent on for long,
// and that it does not grow unless it is made use of.
func TestRateIdle(t *testing.T) {
	g := newGroup(t, Config{Rate: 8_000_000, MinRate: 1_000_000}, 0)
	g.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(50_000, 200, 255)})
	for g.engine.Stats().Rate < 8_000_000 {
		g.quiet(10 * ms)
		g.tell(0, &wire.Report{})
	}
	for g.engine.activity() != idle {
		g.quiet(10 * ms)
		g.tell(0, &wire.Report{})
	}
	for range 40 {
		g.quiet(time.Second)
		g.tell(0, &wire.Report{})
	}
	if got := g.engine.Stats().Rate; got != 4_000_000 {
		t.Errorf("rate %d after 40 s of silence", got)
	}
	for range 100 {
		g.quiet(time.Second)
		g.tell(0, &wire.Report{})
	}
	if got := g.engine.Stats().Rate; got != 1_000_000 {
		t.Errorf("rate %d after 140 s of silence", got)
	}
}

// TestRateBounds checks that whatever edges report the rate keeps its bounds, and that in no stretch
// of time more is sent than the rates at the time allow, but for what the bucket holds.
func TestRateBounds(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 9))
		const least, most = 500_000, 100_000_000
		g := newGroup(t, Config{Rate: most, MinRate: least}, make([]uint32, 12)...)
		g.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(20_000_000, 200, 255)})
		debt, low := 0.0, 0 // bytes sent beyond the rate since the start, and the least of it
		for step := range 30_000 {
			before, sent := g.engine.Stats().Rate, g.engine.Stats().BytesSent
			d := time.Duration(rng.Int64N(int64(2 * ms)))
			g.quiet(d)
			s := g.engine.Stats()
			if s.Rate < least || s.Rate > most {
				t.Fatalf("seed %d: rate %d", seed, s.Rate)
			}
			debt += float64(s.BytesSent-sent) - float64(before)/8*d.Seconds()
			low = min(low, int(debt))
			burst := max(burstBytes, int(most/8*burstTime.Seconds()))
			if int(debt)-low > burst+1500+int(s.HeartbeatsSent)*2 {
				t.Fatalf("seed %d: %d bytes beyond the rate", seed, int(debt)-low)
			}
			if step/3000%2 == 0 && rng.IntN(4) == 0 {
				bad := rng.Uint32N(1_000_000) >> rng.IntN(21)
				g.tell(rng.IntN(12), &wire.Report{LossEventPPM: bad, LossPPM: rng.Uint32() >> rng.IntN(33)})
			}
		}
	}
}

func TestPacerSetRate(t *testing.T) {
	p := newPacer(100_000_000, 0)
	for range 20 {
		p.charge(0, 1000)
	}
	level := func(now mono.Time) float64 { return float64(now.Sub(p.empty)) / p.perByte }
	for _, rate := range []float64{20_000_000, 200_000_000, 30_000_000, 1_000_000_000} {
		p.setRate(0, rate)
		if got := level(0); math.Abs(got-(burstBytes-20_000)) > 100 {
			t.Errorf("at %.0f bit/s there are %.0f bytes in the bucket", rate, got)
		}
	}
	p.setRate(0, 1_000_000)
	if got := level(0); math.Abs(got-leastBurst) > 1 {
		t.Errorf("at a low rate there are %.0f bytes in a bucket of %d", got, leastBurst)
	}
	for range 100 {
		p.charge(0, 1000)
	}
	debt := level(0)
	p.setRate(0, 50_000_000)
	if got := level(0); math.Abs(got-debt) > 100 {
		t.Errorf("%.0f bytes overdrawn, %.0f before", -got, -debt)
	}
}
