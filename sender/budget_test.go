package sender

import (
	"testing"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

func TestReportInterval(t *testing.T) {
	cfg := Config{Rate: 200_000_000, PacketOverhead: 28}.withDefaults()
	b := newBudget(cfg, 0)
	for _, test := range []struct {
		edges int
		share float64 // most of the rate
	}{{0, 0}, {1, 0.005}, {4, 0.005}, {100, 0.005}, {1000, 0.0016}, {10_000, 0.0005}} {
		interval := b.interval(test.edges, cfg.Rate)
		if test.edges == 0 {
			if interval != 0 {
				t.Errorf("no edges: %v", interval)
			}
			continue
		}
		messages := float64(test.edges) / interval.Seconds()
		share := messages * (reportBytes + 28) * 8 / float64(cfg.Rate)
		if share > 1.02*test.share || messages > 501 || share < 0.9*test.share && messages < 499 {
			t.Errorf("%d edges: a report each %v: %.0f messages a second, %.5f of the rate", test.edges, interval, messages, share)
		}
	}
	if d := b.interval(10_000, 10_000_000_000); d != 20*time.Second {
		t.Errorf("10,000 edges at 10 Gbit/s: %v, want 500 messages a second", d)
	}
	if d := b.interval(60_000, 64_000); d != wire.MaxReportInterval {
		t.Errorf("60,000 edges at 64 kbit/s: %v", d)
	}
	for range 200 {
		b.hear(&wire.Feedback{Report: &wire.Report{Failed: []wire.Failure{{Reason: string(make([]byte, 96))}, {Reason: string(make([]byte, 96))}}}})
	}
	if b.size < 200 || b.size > 400 {
		t.Errorf("reports of about 260 bytes are taken for %.0f", b.size)
	}
}

func TestExpectedEdgesCountUntilTheyHadTime(t *testing.T) {
	cfg := Config{Rate: 200_000_000, ExpectedEdges: 10_000}.withDefaults()
	b := newBudget(cfg, 0)
	if b.group(0, 1) != 10_000 || b.group(0, 20_000) != 20_000 || b.group(b.until, 1) != 1 {
		t.Error("the expected edges do not count as they should")
	}
	if b.until < mono.Time(2*b.interval(10_000, cfg.Rate)) {
		t.Errorf("they count for %v only", time.Duration(b.until))
	}
}

// TestLifetimeFallsSlowly: 10,000 edges report each 150 s. When most go, the others must live on until
// the longer interval is over.
func TestLifetimeFallsSlowly(t *testing.T) {
	b := newBudget(Config{Rate: 1_000_000_000}.withDefaults(), 0)
	b.age(150*time.Second, time.Second)
	if b.lifetime != 600*time.Second {
		t.Errorf("lifetime %v", b.lifetime)
	}
	for range 225 {
		b.age(time.Second, time.Second)
	}
	if b.lifetime < 450*time.Second {
		t.Errorf("lifetime %v after one and a half of the longer intervals", b.lifetime)
	}
	for range 2000 {
		b.age(time.Second, time.Second)
	}
	if b.lifetime != edgeLifetime {
		t.Errorf("lifetime %v in the end", b.lifetime)
	}
}
