package sim

import (
	"testing"
	"time"

	"fanfare/fec"
	"fanfare/receiver"
	"fanfare/testbed/netem"
)

func TestSameSeedSameTrace(t *testing.T) {
	faults := func(seed uint64) Config {
		cfg := lan(20, 0.1)
		cfg.Seed = seed
		for i := range cfg.Edges {
			e := &cfg.Edges[i]
			e.Down.Jitter, e.Down.Duplicate = time.Millisecond, 0.01
			e.Up.Loss = 0.1
		}
		cfg.Entries = true
		return cfg
	}
	first := run(t, faults(7), 3_000_000, 1, 500_000)
	again := run(t, faults(7), 3_000_000, 1, 500_000)
	other := run(t, faults(8), 3_000_000, 1, 500_000)
	if first.Trace != again.Trace {
		t.Errorf("the same seed gave two runs: %x and %x", first.Trace, again.Trace)
	}
	if first.Trace == other.Trace {
		t.Error("two seeds gave one run")
	}
}

func TestLossBothWays(t *testing.T) {
	cfg := lan(4, 0.1)
	for i := range cfg.Edges {
		cfg.Edges[i].Up.Loss = 0.1
	}
	cfg.Entries = true
	r := run(t, cfg, 20_000_000, 10_000, 1_000_000)
	var source, sent int
	for _, o := range r.Objects {
		source += o.Source
		sent += o.Sent
	}
	ideal := IdealObject(Bundle(20_000_000, 200), 0, Losers{4, 0.1})
	if ratio := float64(sent) / float64(source); ratio > 1.03*ideal {
		t.Errorf("sent %.4f symbols for each source symbol, ideal %.4f", ratio, ideal)
	}
}

func TestBursts(t *testing.T) {
	cfg := lan(4, 0)
	cfg.Sender.Rate = 1_000_000_000 // eight blocks take turns
	cfg.Entries = true
	for i := range cfg.Edges {
		cfg.Edges[i].Down.Burst = netem.Bursts(0.02, 20)
	}
	r := run(t, cfg, 100_000_000)
	o := r.Objects[0]
	ideal := IdealObject(Bundle(100_000_000, 200), 0, Losers{4, 0.02})
	t.Logf("ratio %.4f, ideal %.4f, surplus %d, tail %v", o.Ratio(), ideal, o.Surplus, o.Last-o.FirstPass)
	if o.Ratio() > 1.03*ideal || o.RepairedTwice != 0 {
		t.Errorf("ratio %.4f, ideal without bursts %.4f, repaired twice %d", o.Ratio(), ideal, o.RepairedTwice)
	}
}

func TestSharedLoss(t *testing.T) {
	cfg := lan(50, 0)
	cfg.Trunk.Loss = 0.05
	r := run(t, cfg, 20_000_000)
	o := r.Objects[0]
	t.Logf("ratio %.4f, surplus %d, twice %d, NACKs %d", o.Ratio(), o.Surplus, o.RepairedTwice, r.Receivers.NACKsSent)
	if ideal := 1 / 0.95; o.Ratio() > 1.03*ideal || o.RepairedTwice != 0 {
		t.Errorf("ratio %.4f, ideal %.4f, repaired twice %d", o.Ratio(), ideal, o.RepairedTwice)
	}
}

func TestLateJoiner(t *testing.T) {
	cfg := lan(5, 0.01)
	cfg.Edges[4].Join = 600 * time.Millisecond
	r := run(t, cfg, 20_000_000)
	o := r.Objects[0]
	t.Logf("ratio %.4f surplus %d twice %d at %v", o.Ratio(), o.Surplus, o.RepairedTwice, o.Last)
	if o.Ratio() > 1.7 || o.RepairedTwice != 0 {
		t.Errorf("ratio %.4f, repaired twice %d", o.Ratio(), o.RepairedTwice)
	}
}

func TestJoinerAfterwards(t *testing.T) {
	cfg := lan(2, 0.01)
	cfg.Edges[1].Join = 5 * time.Second
	cfg.Entries = true
	r := run(t, cfg, 100_000_000)
	o := r.Objects[0]
	t.Logf("ratio %.4f surplus %d at %v", o.Ratio(), o.Surplus, o.Last)
	if o.Ratio() > 2.1 {
		t.Errorf("ratio %.4f", o.Ratio())
	}
	if took := o.Last - 5*time.Second + 200*time.Millisecond; took > 7*time.Second {
		t.Errorf("the late edge took %v", took)
	}
}

// TestJoinerHoldsUpNobody checks that others get new data while an edge fetches much old.
func TestJoinerHoldsUpNobody(t *testing.T) {
	cfg := lan(5, 0.01)
	cfg.Edges[4].Join = 6 * time.Second
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Publish(200*time.Millisecond, Bundle(100_000_000, 200))
	s.Publish(6500*time.Millisecond, Bundle(1_000_000, 200)) // takes 42 ms alone
	r := finish(t, s)
	for i, at := range s.objects[1].done[:4] {
		if took := at.Sub(s.objects[1].at); took > 250*time.Millisecond {
			t.Errorf("a small object took %v to edge %d", took, i)
		}
	}
	if took := r.Objects[0].Last - 5800*time.Millisecond; took > 6*time.Second {
		t.Errorf("the late edge took %v", took)
	}
}

func TestSenderRestart(t *testing.T) {
	cfg := lan(4, 0.02)
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Publish(200*time.Millisecond, Bundle(20_000_000, 200))
	s.At(600*time.Millisecond, s.RestartOrigin)
	s.Publish(700*time.Millisecond, Bundle(1_000_000, 200))
	r := finish(t, s)
	t.Logf("ratio %.4f", r.Objects[0].Ratio())
	if r.Receivers.SenderRestarts != 4 {
		t.Errorf("%d restarts were seen by 4 edges", r.Receivers.SenderRestarts)
	}
	if ratio := r.Objects[0].Ratio(); ratio > 1.2 {
		t.Errorf("sent %.4f symbols for each source symbol", ratio)
	}
}

func TestDuplicatesAndReordering(t *testing.T) {
	cfg := lan(8, 0.03)
	for i := range cfg.Edges {
		e := &cfg.Edges[i]
		e.Down.Duplicate, e.Up.Duplicate = 0.1, 0.3
		e.Down.Reorder, e.Down.ReorderDelay = 0.05, 3*time.Millisecond
		e.Up.Reorder, e.Up.ReorderDelay = 0.5, 50*time.Millisecond
		e.Down.Jitter, e.Up.Jitter = time.Millisecond, 5*time.Millisecond
	}
	r := run(t, cfg, 20_000_000)
	o := r.Objects[0]
	ideal := IdealObject(Bundle(20_000_000, 200), 0, Losers{8, 0.03})
	t.Logf("ratio %.4f, ideal %.4f, surplus %d, twice %d, tail %v", o.Ratio(), ideal, o.Surplus, o.RepairedTwice, o.Last-o.FirstPass)
	if o.Ratio() > 1.03*ideal {
		t.Errorf("sent %.4f symbols for each source symbol, ideal %.4f", o.Ratio(), ideal)
	}
	if o.RepairedTwice != 0 {
		t.Errorf("repaired twice %d", o.RepairedTwice)
	}
}

func TestUnequalRoundTrips(t *testing.T) {
	cfg := lan(12, 0.05)
	for i := range cfg.Edges {
		delay := time.Duration(1+i*i) * time.Millisecond
		cfg.Edges[i].Down.Delay, cfg.Edges[i].Up.Delay = delay, delay
		cfg.Edges[i].Up.Duplicate = 0.2
	}
	r := run(t, cfg, 20_000_000)
	o := r.Objects[0]
	ideal := IdealObject(Bundle(20_000_000, 200), 0, Losers{12, 0.05})
	t.Logf("ratio %.4f, ideal %.4f, surplus %d, twice %d, tail %v", o.Ratio(), ideal, o.Surplus, o.RepairedTwice, o.Last-o.FirstPass)
	if o.Ratio() > 1.03*ideal || o.RepairedTwice != 0 {
		t.Errorf("sent %.4f symbols for each source symbol, ideal %.4f, repaired twice %d", o.Ratio(), ideal, o.RepairedTwice)
	}
}

func TestEdgeRestart(t *testing.T) {
	s, err := New(lan(4, 0.02))
	if err != nil {
		t.Fatal(err)
	}
	s.Publish(200*time.Millisecond, Bundle(20_000_000, 200))
	s.At(3*time.Second, func() {}) // keeps the run going
	s.At(600*time.Millisecond, func() {
		s.RestartEdge(2, func(uint32) []receiver.BlockRange { return []receiver.BlockRange{{SBN: 0, Count: 36}} })
	})
	r := finish(t, s)
	o := r.Objects[0]
	t.Logf("ratio %.4f", o.Ratio())
	if o.Ratio() > 1.2 {
		t.Errorf("sent %.4f symbols for each source symbol", o.Ratio())
	}
}

func TestShapes(t *testing.T) {
	for _, test := range []struct {
		name string
		oti  fec.OTI
	}{
		{"empty", Bundle(0, 200)},
		{"one byte", Bundle(1, 200)},
		{"one symbol", Bundle(1408, 200)},
		{"two symbols", Bundle(1409, 200)},
		{"short last block", Bundle(1408*401+7, 200)},
		{"one symbol a block", Bundle(1408*30, 1)},
		{"no repair symbols", fec.OTI{TransferLength: 500_000, SymbolLength: 1408, MaxBlock: 255, MaxSymbols: 255}},
		{"few repair symbols", fec.OTI{TransferLength: 500_000, SymbolLength: 1408, MaxBlock: 20, MaxSymbols: 21}},
	} {
		for _, entries := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				cfg := lan(5, 0.2)
				cfg.Entries = entries
				s, err := New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				s.Publish(100*time.Millisecond, test.oti)
				o := finish(t, s).Objects[0]
				t.Logf("%d of %d symbols, %v", o.Sent, o.Source, o.Last)
				if o.Last > time.Second {
					t.Errorf("took %v", o.Last)
				}
			})
		}
	}
}

func TestCut(t *testing.T) {
	s, err := New(lan(4, 0.01))
	if err != nil {
		t.Fatal(err)
	}
	s.Publish(200*time.Millisecond, Bundle(20_000_000, 200))
	s.At(400*time.Millisecond, func() {
		down, up := s.Link(1)
		until := s.now.Add(10 * time.Second)
		down.Cut(until)
		up.Cut(until)
	})
	r := finish(t, s)
	t.Logf("%v", r.Objects[0])
}

func TestNarrowLink(t *testing.T) {
	cfg := lan(4, 0.01)
	cfg.Sender.Rate = 50_000_000
	for i := range cfg.Edges {
		cfg.Edges[i].Down.Rate = 55_000_000
	}
	r := run(t, cfg, 10_000_000)
	o := r.Objects[0]
	if o.Ratio() > 1.06 || o.RepairedTwice != 0 {
		t.Errorf("ratio %.4f, twice %d", o.Ratio(), o.RepairedTwice)
	}
}

// TestSmallTables checks that tables much too small cost bytes and time, but nothing else.
func TestSmallTables(t *testing.T) {
	cfg := lan(4, 0.05)
	for i := range cfg.Edges {
		cfg.Edges[i].Down.Delay, cfg.Edges[i].Up.Delay = 100*time.Millisecond, 100*time.Millisecond
	}
	cfg.Receiver = receiver.Config{MaxOpenBlocks: 12, MaxAskedBlocks: 4, MaxObjects: 2}
	cfg.Sender.MaxRepairBlocks = 3
	cfg.Sender.MaxObjects = 6
	cfg.Sender.MaxEdges = 2
	cfg.Entries = true
	r := run(t, cfg, 10_000_000, 5_000, 2_000_000)
	t.Logf("ratio %.4f, refused %d symbols and %d asks", r.Objects[0].Ratio(), r.Receivers.SymbolsRefused, r.Sender.AsksRefused)
	if r.Receivers.SymbolsRefused == 0 || r.Sender.AsksRefused == 0 {
		t.Error("the tables were not too small")
	}
}
