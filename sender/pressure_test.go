package sender

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"fanfare/internal/wire"
)

// behind sends what an edge tells of its backlog.
func (g *group) behind(i int, share uint8, intake uint64) {
	g.counter++
	g.engine.HandleFeedback(g.now, &wire.Feedback{
		TSI: 1, Edge: uint64(i), Counter: g.counter, Instance: 99, PacketSequence: g.engine.sequence - 1,
		EchoTime: sendTime(g.now), Backlog: share, Intake: intake,
	})
}

// pressed is a group of edges of which the first few are behind.
func pressed(t *testing.T, cfg Config, edges, few int, share uint8, intake uint64) *group {
	t.Helper()
	cfg.InitialGRTT = 2 * ms
	g := newGroup(t, cfg, make([]uint32, edges)...)
	g.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(1_000_000, 200, 255)})
	g.report(ms)
	for i := range few {
		g.quiet(ms)
		g.behind(i, share, intake)
	}
	return g
}

func (g *group) wantRate(least, most int) {
	g.t.Helper()
	if s := g.engine.Stats(); s.Rate < least || s.Rate > most {
		g.t.Errorf("rate %d, want %d to %d; %d edges are behind", s.Rate, least, most, s.EdgesBacklogged)
	}
}

// TestPressureOfHowMany checks how many edges slow the sender, and how far.
func TestPressureOfHowMany(t *testing.T) {
	for _, test := range []struct {
		edges, behind int
		intake        uint64
		want          int // Mb/s, of 160
	}{
		{1, 1, 80e6, 80}, {2, 1, 80e6, 80}, {3, 1, 100e6, 100}, {3, 1, 20e6, 80}, {3, 2, 20e6, 20},
		{4, 1, 20e6, 160}, {4, 2, 20e6, 20}, {10, 2, 20e6, 160}, {10, 3, 100e6, 100}, {10, 4, 20e6, 80}, {10, 5, 20e6, 20},
		{100, 20, 20e6, 160}, {100, 21, 20e6, 80}, {100, 49, 20e6, 80}, {100, 50, 20e6, 20},
		{1, 1, 0, 160}, {1, 1, 1, 10}, {1, 1, 1 << 63, 160},
	} {
		g := pressed(t, Config{Rate: 160e6}, test.edges, test.behind, wire.BacklogLeast, test.intake)
		g.engine.weigh(g.now, 2*ms)
		g.engine.pace(g.now)
		if got := (g.engine.Stats().Rate + 5e5) / 1e6; got != test.want {
			t.Errorf("%d of %d edges take in %d: %d Mb/s, want %d", test.behind, test.edges, test.intake, got, test.want)
		}
		if s := g.engine.Stats(); s.EdgesBacklogged != test.behind || s.RateAllowed != 160e6 {
			t.Errorf("%d of %d edges behind: %d, allowed %d", test.behind, test.edges, s.EdgesBacklogged, s.RateAllowed)
		}
	}
}

// TestPressureDrains checks that less is sent than is taken in while the buffers are full, but always
// something, and less the longer news takes.
func TestPressureDrains(t *testing.T) {
	g := pressed(t, Config{Rate: 160e6}, 1, 1, wire.BacklogLeast+16, 100e6)
	g.wantRate(80e6, 92e6)
	g.quiet(10 * ms)
	g.behind(0, 255, 100e6)
	g.wantRate(10e6, 10e6)
	g.quiet(10 * ms)
	g.behind(0, 0, 0)
	g.wantRate(99e6, 115e6) // what it takes in, and a little more
	far := pressed(t, Config{Rate: 160e6, PacketOverhead: 1}, 1, 0, 0, 0)
	far.engine.grtt.sample(far.now, 600*ms)
	far.behind(0, 255, 100e6)
	far.wantRate(93e6, 97e6)
}

// TestPressureEnds checks that the rate comes back when edges have caught up, and when they are not
// heard any more.
func TestPressureEnds(t *testing.T) {
	for _, silent := range []bool{false, true} {
		g := pressed(t, Config{Rate: 160e6}, 4, 4, 100, 20e6)
		g.wantRate(10e6, 20e6)
		g.quiet(backlogKeep / 2)
		g.wantRate(10e6, 20e6)
		if !silent {
			for i := range 4 {
				g.behind(i, 0, 0)
			}
		}
		g.quiet(backlogKeep)
		g.wantRate(20e6, 100e6)
		g.quiet(300 * ms)
		g.wantRate(160e6, 160e6)
		g.quiet(sweepInterval)
		if s := g.engine.Stats(); s.EdgesBacklogged != 0 {
			t.Errorf("%d edges are behind", s.EdgesBacklogged)
		}
	}
}

// TestPressureDemoted checks that edges that are demoted anyway count neither as behind nor as well.
func TestPressureDemoted(t *testing.T) {
	g := pressed(t, Config{Rate: 160e6}, 10, 0, 0, 0)
	for i := range 2 {
		g.engine.demotion.demote(g.now, &g.engine.edges, g.engine.edges.table[uint64(i)], 0)
	}
	for i := range 2 {
		g.quiet(ms)
		g.behind(i, 255, 20e6)
	}
	g.wantRate(160e6, 160e6)
	g.quiet(ms)
	g.behind(2, wire.BacklogLeast, 100e6) // no more may be demoted
	g.wantRate(95e6, 105e6)
}

// TestPressureTold checks that the loop is told of slow edges once, and once of their end.
func TestPressureTold(t *testing.T) {
	g := pressed(t, Config{Rate: 160e6}, 1, 0, 0, 0)
	var told []EventKind
	for i := range 4000 {
		g.now = g.now.Add(10 * ms)
		if i > 100 && i < 1000 && i%100 > 20 { // relieved now and then
			g.behind(0, 60, 80e6)
		} else {
			g.behind(0, 0, 0)
		}
		g.engine.HandleTimeout(g.now)
		for ev, ok := g.engine.NextEvent(); ok; ev, ok = g.engine.NextEvent() {
			told = append(told, ev.Kind)
			if at := time.Duration(i) * 10 * ms; ev.Kind == EdgesBehind && at > 5*time.Second || ev.Kind == EdgesKeepUp && (at < 20*time.Second || at > 21*time.Second) {
				t.Errorf("%v after %v", ev.Kind, at)
			}
		}
	}
	if len(told) != 2 || told[0] != EdgesBehind || told[1] != EdgesKeepUp {
		t.Errorf("told %v", told)
	}
}

// TestPressureProperty: whatever is told of backlogs, the rate stays between its part and what is
// allowed, no window of time sees more than the rate, and when it ends everything is as before.
func TestPressureProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{Rate: rapid.SampledFrom([]uint64{64_000, 20_000_000, 1_000_000_000}).Draw(t, "rate"), PacketOverhead: 28, MaxEdges: 20}
		if rapid.Bool().Draw(t, "adaptive") {
			cfg.MinRate = cfg.Rate / 8
		}
		w := newAttacked(t, cfg)
		w.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: wideOTI})
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			w.counter++
			f := wire.Feedback{
				TSI: 1, Edge: uint64(rapid.IntRange(1, 30).Draw(t, "edge")), Counter: w.counter, Instance: 99,
				EchoTime: sendTime(w.now) - rapid.Uint32Range(0, 20_000_000).Draw(t, "away"),
				Backlog:  rapid.Uint8().Draw(t, "backlog"), Intake: rapid.Uint64().Draw(t, "intake"),
			}
			if rapid.Bool().Draw(t, "reports") {
				f.Report = &wire.Report{LossEventPPM: rapid.Uint32Range(0, 2e6).Draw(t, "events")}
			}
			w.e.HandleFeedback(w.now, &f)
			w.advance(time.Duration(rapid.IntRange(0, 20_000).Draw(t, "microseconds")) * time.Microsecond)
			if s := w.e.Stats(); s.Rate < s.RateAllowed/pressureParts || s.Rate > s.RateAllowed {
				t.Fatalf("rate %d of %d", s.Rate, s.RateAllowed)
			}
		}
		if most := rateSlack(cfg.Rate); w.most > most {
			t.Fatalf("%.0f bytes beyond the rate, at most %.0f may be", w.most, most)
		}
		w.now = w.now.Add(wire.MaxReportInterval * 100)
		for range 5 {
			w.now = w.now.Add(time.Second)
			w.e.HandleTimeout(w.now)
		}
		if s := w.e.Stats(); s.Rate != s.RateAllowed || s.EdgesBacklogged != 0 {
			t.Fatalf("at the end: rate %d of %d, %d edges behind", s.Rate, s.RateAllowed, s.EdgesBacklogged)
		}
	})
}

// TestPressureControl checks that entries and heartbeats do not wait for data at the least rate.
func TestPressureControl(t *testing.T) {
	g := pressed(t, Config{Rate: 16e6}, 4, 4, 255, 1)
	g.wantRate(1e6, 1e6)
	var p wire.Packet
	beats, data := 0, 0
	for range 100 {
		g.now = g.now.Add(10 * ms)
		g.engine.HandleTimeout(g.now)
		for i := range 4 {
			g.behind(i, 255, 1)
		}
		for g.engine.NextPacket(g.now, &p) {
			if p.TOI == wire.HeartbeatTOI {
				beats++
			} else {
				data++
			}
		}
	}
	if beats < 10 || data == 0 {
		t.Errorf("%d heartbeats and %d symbols in a second", beats, data)
	}
	for g.engine.NextPacket(g.now, &p) { // until the rate allows no more
	}
	g.add(ObjectInfo{TOI: wire.ControlTOI(7), OTI: oti(1, 1, 60)})
	if !g.engine.NextPacket(g.now, &p) || p.TOI != wire.ControlTOI(7) {
		t.Errorf("an entry waits; %+v came", p)
	}
}

// TestPressureInvented checks that edges which somebody has made up do not hold the rate down for
// long after the last word of them, however long reports of so many would take.
func TestPressureInvented(t *testing.T) {
	g := pressed(t, Config{Rate: 1e6}, 4, 0, 0, 0)
	for i := range 1000 {
		g.now = g.now.Add(100 * time.Microsecond)
		g.behind(1000+i, 255, 1)
	}
	g.engine.grtt.sample(g.now, maxRTT) // nor does a round trip that is made up
	g.quiet(10 * ms)
	g.wantRate(62_000, 63_000)
	if interval := g.engine.reportInterval(g.now); interval < 5*time.Minute {
		t.Fatalf("so many report every %v, which proves nothing here", interval)
	}
	for range 60 {
		g.quiet(time.Second)
		for i := range 4 {
			g.behind(i, 0, 0)
		}
	}
	g.wantRate(1e6, 1e6)
}
