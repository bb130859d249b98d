package sender

import (
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// group is edges that report to an engine.
type group struct {
	*harness
	loss []uint32 // of each, in packets per million
	sent uint64   // packets
}

func newGroup(t *testing.T, cfg Config, loss ...uint32) *group {
	return &group{harness: newHarness(t, cfg), loss: loss}
}

// report has every edge report after some time, in which 1,000 packets were sent.
func (g *group) report(d time.Duration) {
	g.quiet(d)
	g.sent += 1000
	for i, loss := range g.loss {
		g.tell(i, &wire.Report{PacketsReceived: g.sent, LossPPM: loss})
	}
}

// tell sends a report, and asks, of one edge.
func (g *group) tell(i int, r *wire.Report, asks ...wire.NACK) {
	g.counter++
	g.engine.HandleFeedback(g.now, &wire.Feedback{
		TSI: 1, Edge: uint64(i), Counter: g.counter, Instance: 99, PacketSequence: g.engine.sequence - 1,
		EchoTime: sendTime(g.now), NACKs: asks, Report: r,
	})
}

func (g *group) reports(n int) {
	for range n {
		g.report(300 * ms)
	}
}

// want checks which edges are demoted.
func (g *group) wantDemoted(want ...int) {
	g.t.Helper()
	var got []int
	for i := range g.loss {
		if e, _ := g.engine.Edge(uint64(i)); e.Demoted {
			got = append(got, i)
		}
	}
	if len(got) != len(want) || len(got) > 0 && got[0] != want[0] || g.engine.Stats().EdgesDemoted != len(want) {
		g.t.Fatalf("edges %v are demoted, want %v; the count is %d", got, want, g.engine.Stats().EdgesDemoted)
	}
}

func TestDemoteByLoss(t *testing.T) {
	g := newGroup(t, Config{}, 10_000, 0, 400_000, 20_000)
	g.reports(5)
	g.wantDemoted()
	g.reports(10)
	g.wantDemoted(2)
	g.advance(2 * time.Second) // it is told so
	if got := g.next(); got != "heartbeat" {
		t.Fatalf("packet %q", got)
	}
	for _, e := range g.beat.Echoes {
		if e.Demoted != (e.Edge == 2) {
			t.Errorf("echo %+v", e)
		}
	}
	g.loss[2] = 130_000 // below the bound, but not below half of it
	g.reports(30)
	g.wantDemoted(2)
	g.loss[2] = 120_000
	g.reports(10)
	g.wantDemoted(2)
	g.loss[2] = 200_000 // the wait begins anew
	g.reports(1)
	g.loss[2] = 120_000
	g.reports(15)
	g.wantDemoted(2)
	g.reports(5)
	g.wantDemoted()
}

func TestNobodyIsDemoted(t *testing.T) {
	for _, test := range []struct {
		name   string
		demote DemoteConfig
		loss   []uint32
	}{
		{"the only edge", DemoteConfig{}, []uint32{500_000}},
		{"one of three", DemoteConfig{}, []uint32{500_000, 0, 0}},
		{"most are bad", DemoteConfig{}, []uint32{300_000, 300_000, 300_000, 0, 0}},
		{"the others are not well within the bound", DemoteConfig{}, []uint32{300_000, 140_000, 140_000, 140_000, 0}},
		{"off", DemoteConfig{Off: true}, []uint32{500_000, 0, 0, 0, 0}},
		{"a higher bound", DemoteConfig{LossPPM: 600_000}, []uint32{500_000, 0, 0, 0, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGroup(t, Config{Demote: test.demote}, test.loss...)
			g.reports(20)
			g.wantDemoted()
		})
	}
}

// TestDemoteShare checks that no more than a fifth are demoted, the worst ones.
func TestDemoteShare(t *testing.T) {
	g := newGroup(t, Config{}, 400_000, 300_000, 0, 0, 0, 0, 0, 0, 0, 0)
	g.reports(20)
	g.wantDemoted(0, 1)
	g.loss[5] = 500_000
	g.reports(20)
	g.wantDemoted(0, 1)
	if g.engine.Stats().EdgesDemoted != 2 {
		t.Error("more than a fifth are demoted")
	}
}

// TestDemotedIsNotAnswered checks which asks of a demoted edge count, and that an outlier is answered
// only when there is nothing else to send.
func TestDemotedIsNotAnswered(t *testing.T) {
	g := newGroup(t, Config{}, 400_000, 0, 0, 0)
	data := wire.DataTOI(1)
	g.add(ObjectInfo{TOI: 1, OTI: oti(1, 1, 1), Sent: true})
	g.add(ObjectInfo{TOI: data, OTI: oti(100, 20, 30)})
	for g.next() != "" {
	}
	g.reports(2)
	g.add(ObjectInfo{TOI: wire.DataTOI(2), OTI: oti(100, 20, 30)})
	g.tell(0, nil, wire.NACK{TOI: data, Count: 1, Symbols: 3})
	if s := g.engine.Stats(); s.NACKsDeferred != 1 || s.RepairQueue != 0 {
		t.Errorf("an outlier is answered before new data: %+v", s)
	}
	for g.next() != "" {
	}
	g.tell(0, nil, wire.NACK{TOI: data, Count: 1, Symbols: 3})
	if s := g.engine.Stats(); s.RepairQueue != 3 {
		t.Errorf("an outlier is not answered when idle: %+v", s)
	}
	g.tell(0, nil, wire.NACK{TOI: data, SBN: 1, Count: 1, Symbols: 3})
	if s := g.engine.Stats(); s.RepairQueue != 6 {
		t.Errorf("an outlier is not answered while only outliers are: %+v", s)
	}
	g.tell(1, nil, wire.NACK{TOI: data, SBN: 2, Count: 1, Symbols: 3})
	g.tell(0, nil, wire.NACK{TOI: data, SBN: 3, Count: 1, Symbols: 3})
	if s := g.engine.Stats(); s.RepairQueue != 9 || s.NACKsDeferred != 2 {
		t.Errorf("an outlier is answered while others wait: %+v", s)
	}
	g.reports(15)
	g.wantDemoted(0)
	g.tell(0, nil, wire.NACK{TOI: data, Count: 1, Symbols: 9}, wire.NACK{TOI: 1, Count: 1, Symbols: 1})
	if s := g.engine.Stats(); s.RepairQueue != 0 || s.NACKsDemoted != 1 {
		t.Errorf("a demoted edge is answered: %+v", s)
	}
	if got := g.next(); got != "control 1: 0,0" {
		t.Errorf("a demoted edge lacks a control object and gets %q", got)
	}
}

// TestOutlierByAsks checks that asks show an outlier before any report does.
func TestOutlierByAsks(t *testing.T) {
	g := newGroup(t, Config{Rate: 100_000_000}, 0, 0, 0, 0, 0)
	g.reports(1)
	toi := wire.DataTOI(1)
	g.add(ObjectInfo{TOI: toi, OTI: oti(20_000, 200, 255)})
	for g.engine.Stats().SourceSymbolsSent < 4000 {
		g.quiet(ms)
	}
	g.tell(0, nil, wire.NACK{TOI: toi, Count: 3, Symbols: 80})
	if s := g.engine.Stats(); s.NACKsDeferred != 1 {
		t.Errorf("40 %% of three blocks: %+v", s)
	}
	g.tell(1, nil, wire.NACK{TOI: toi, Count: 3, Symbols: 20})
	if s := g.engine.Stats(); s.NACKsDeferred != 1 || s.RepairQueue != 60 {
		t.Errorf("10 %% of three blocks: %+v", s)
	}
	short := wire.DataTOI(2)
	g.add(ObjectInfo{TOI: short, OTI: oti(800, 4, 8)})
	for g.engine.activity() != idle {
		g.quiet(ms)
	}
	g.add(ObjectInfo{TOI: wire.DataTOI(3), OTI: oti(20_000, 200, 255)})
	g.tell(2, nil, wire.NACK{TOI: short, Count: 200, Symbols: 2})
	if s := g.engine.Stats(); s.NACKsDeferred != 1 {
		t.Errorf("losses in short blocks: %+v", s)
	}
	g.quiet(2 * time.Second)
	g.tell(0, nil, wire.NACK{TOI: toi, SBN: 1, Count: 1, Symbols: 3})
	if s := g.engine.Stats(); s.NACKsDeferred != 1 {
		t.Errorf("what was asked long ago still counts: %+v", s)
	}
}

// TestDemoteByLag checks that an edge that keeps asking for what is long past is demoted if there is
// new data, and is back when it has caught up.
func TestDemoteByLag(t *testing.T) {
	for _, busy := range []bool{false, true} {
		g := newGroup(t, Config{Rate: 1_000_000}, 0, 0, 0, 0, 0)
		old := wire.DataTOI(1)
		g.add(ObjectInfo{TOI: old, OTI: oti(100, 20, 30), Sent: true})
		if busy {
			g.add(ObjectInfo{TOI: wire.DataTOI(2), OTI: oti(200_000, 200, 255)})
		}
		for range 20 {
			g.report(300 * ms)
			g.tell(3, nil, wire.NACK{TOI: old, Count: 5, Symbols: 1})
		}
		if !busy {
			g.wantDemoted()
			continue
		}
		g.wantDemoted(3)
		g.reports(30)
		g.wantDemoted(3)
		for range 30 {
			g.report(300 * ms)
			g.tell(3, &wire.Report{PacketsReceived: g.sent, Complete: 2})
			g.sent += 500
			g.tell(3, &wire.Report{PacketsReceived: g.sent, Complete: 2})
			g.loss = g.loss[:3]
		}
		if e, _ := g.engine.Edge(3); e.Demoted {
			t.Error("demoted though it has caught up")
		}
	}
}

// TestDemotionCount checks that the count stays right whatever edges report, and that never more than
// a share is demoted.
func TestDemotionCount(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	g := newGroup(t, Config{MaxEdges: 30}, make([]uint32, 40)...)
	for g.now < mono.Time(5*time.Minute) {
		for i := range g.loss {
			if rng.IntN(20) == 0 {
				g.loss[i] = rng.Uint32N(600_000) * rng.Uint32N(2)
			}
		}
		g.quiet(time.Duration(rng.Int64N(int64(time.Second))))
		g.sent += uint64(rng.IntN(500))
		for i := range g.loss {
			if rng.IntN(10) > 0 && (i%7 != 0 || g.now/mono.Time(30*time.Second)%2 == 0) {
				g.tell(i, &wire.Report{PacketsReceived: g.sent, LossPPM: g.loss[i]})
			}
		}
		demoted := 0
		for _, e := range g.engine.edges.table {
			if e.Demoted {
				demoted++
			}
		}
		if s := g.engine.Stats(); s.EdgesDemoted != demoted || demoted > 30/demoteShare {
			t.Fatalf("%d edges are demoted, the count is %d", demoted, s.EdgesDemoted)
		}
	}
	if g.engine.demotion.measured == 0 {
		t.Error("nobody was ever compared")
	}
}
