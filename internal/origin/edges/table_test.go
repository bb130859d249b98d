package edges

import (
	"log/slog"
	"math"
	"testing"
	"time"

	"fanfare/control"
	"fanfare/fec"
	"fanfare/internal/api"
	"fanfare/internal/wire"
)

var testGeneration = control.Generation{Order: 1, Random: 7}

func testTable() *Table {
	return New(testGeneration, nil, func() {}, slog.New(slog.DiscardHandler))
}

// tell has the table hear a report.
func tell(t *Table, now time.Time, id uint64, name string, r wire.Report) {
	r.Name, r.GenerationOrder, r.GenerationRandom = name, testGeneration.Order, testGeneration.Random
	t.Heard(now, &wire.Feedback{Edge: id, Report: &r}, Follows, time.Millisecond, aliveFor)
}

func TestServes(t *testing.T) {
	e := &edge{report: wire.Report{Complete: 5, Done: []wire.SequenceRange{{From: 7, To: 9}, {From: 12, To: 12}}}}
	tests := []struct {
		first, last uint64
		want        bool
	}{
		{1, 5, true}, {5, 5, true}, {6, 6, false}, {5, 7, false}, {7, 9, true}, {8, 8, true},
		{9, 10, false}, {9, 12, false}, {12, 12, true}, {13, 13, false},
	}
	for _, test := range tests {
		if got := e.serves(test.first, test.last); got != test.want {
			t.Errorf("serves(%d, %d) = %v", test.first, test.last, got)
		}
	}
	e.report = wire.Report{Complete: 5, Done: []wire.SequenceRange{{From: 6, To: 7}, {From: 8, To: 9}}}
	if !e.serves(4, 9) {
		t.Error("ranges side by side do not serve what they cover together")
	}
}

func TestEdgeIdentity(t *testing.T) {
	now := time.Unix(1000, 0)
	table := testTable()
	tell(table, now, 1, "a", wire.Report{})
	tell(table, now, 2, "a", wire.Report{})
	if table.Count() != 2 {
		t.Errorf("two live edges of one name: %d", table.Count())
	}
	if meant := table.Forget("a"); len(meant) != 2 || table.Count() != 2 {
		t.Errorf("a name of two edges forgets %d of %v", 2-table.Count(), meant)
	}
	// After a while both are silent, and one comes again with a new directory.
	now = now.Add(2 * aliveFor)
	tell(table, now, 3, "a", wire.Report{})
	table.Tidy(now)
	if table.Count() != 1 {
		t.Errorf("%d edges", table.Count())
	}
	save, forget := table.TakeUnsaved()
	if len(save) != 1 || save[3].Name != "a" || len(forget) != 2 {
		t.Errorf("to save %v, to forget %v", save, forget)
	}
	if len(table.Forget("b")) != 0 || len(table.Forget("0000000000000003")) != 1 || table.Count() != 0 {
		t.Error("forget")
	}
	table.Heard(now, &wire.Feedback{Edge: 9}, Follows, 0, aliveFor) // a NACK alone makes nobody an expected edge
	if table.Count() != 0 {
		t.Error("an edge without a report")
	}
}

func TestLossPercentile(t *testing.T) {
	now := time.Unix(1000, 0)
	table := testTable()
	if got := table.LossPercentile(now, 95); got != 0 {
		t.Errorf("without edges %d", got)
	}
	for i := uint64(1); i <= 20; i++ {
		tell(table, now, i, "e", wire.Report{LossPPM: uint32(i)})
	}
	if got := table.LossPercentile(now, 95); got != 19 {
		t.Errorf("95 %% of 20: %d", got)
	}
	if got := table.LossPercentile(now.Add(time.Hour), 95); got != 0 {
		t.Errorf("of silent edges %d", got)
	}
}

func TestReceiptReasons(t *testing.T) {
	now := time.Unix(1000, 0)
	table := New(testGeneration, map[uint64]Saved{9: {Name: "z", LastSeen: now}}, func() {}, slog.New(slog.DiscardHandler))
	tell(table, now, 1, "silent", wire.Report{})
	now = now.Add(time.Minute)
	table.Track(3, 4, now)
	tell(table, now, 2, "full", wire.Report{Failed: []wire.Failure{{Sequence: 4, Reason: "no space"}}})
	tell(table, now, 3, "half", wire.Report{Complete: 3, Progress: []wire.Progress{{Sequence: 4, Blocks: 5}}})
	tell(table, now, 3, "half", wire.Report{Complete: 3})
	tell(table, now.Add(time.Second), 4, "whole", wire.Report{Complete: 4})
	table.Heard(now, &wire.Feedback{Edge: 5, Report: &wire.Report{Name: "other"}}, Follows, 0, aliveFor)
	oti := fec.OTI{TransferLength: 1000, SymbolLength: 10, MaxBlock: 10, MaxSymbols: 255}
	r := table.Receipt(now.Add(2*time.Second), api.Sequences{First: 4, Last: 4}, func(uint64) (fec.OTI, bool) { return oti, true })
	if r.Complete || r.Served != 1 || r.Seconds != 2 || len(r.Edges) != 6 {
		t.Fatalf("receipt %+v", r)
	}
	want := map[string]string{
		"silent": "silent for 1m2s", "full": "no space", "half": "", "whole": "",
		"other": "it follows another generation of this origin: give it the present session.ff and an empty directory",
		"z":     "not heard since the origin was started; last seen " + time.Unix(1000, 0).Format(time.DateTime),
	}
	for _, e := range r.Edges {
		if e.Reason != want[e.Name] {
			t.Errorf("%s: %q, want %q", e.Name, e.Reason, want[e.Name])
		}
		if e.Name == "half" && (e.Fraction < 0.45 || e.Fraction > 0.55) {
			t.Errorf("half has %v", e.Fraction)
		}
		if e.Name == "whole" && e.Seconds != 1 {
			t.Errorf("whole after %v s", e.Seconds)
		}
	}
	status := table.Status(now, 4, 4, [32]byte{}, func(uint64) (fec.OTI, bool) { return oti, true })
	var order []string
	for _, e := range status {
		order = append(order, e.Name)
	}
	if order[len(order)-1] != "whole" || order[len(order)-2] != "half" {
		t.Errorf("worst first: %v", order)
	}
}

func TestFraction(t *testing.T) {
	sizes := map[uint64]uint64{3: 99, 4: 199, 6: 999} // with the entry itself 100, 200, 1,000; 5 is 1
	size := func(sequence uint64) (fec.OTI, bool) {
		n, ok := sizes[sequence]
		return fec.OTI{TransferLength: n, SymbolLength: 1, MaxBlock: 10, MaxSymbols: 255}, ok
	}
	w := weigh(api.Sequences{First: 3, Last: 6}, size)
	for _, test := range []struct {
		name   string
		report wire.Report
		blocks map[uint64]uint32
		want   float64
	}{
		{"nothing", wire.Report{}, nil, 0},
		{"before", wire.Report{Complete: 2, Done: []wire.SequenceRange{{From: 7, To: 9}}}, nil, 0},
		{"the first", wire.Report{Complete: 3}, nil, 100.0 / 1301},
		{"apart", wire.Report{Complete: 3, Done: []wire.SequenceRange{{From: 5, To: 9}}}, nil, 1101.0 / 1301},
		{"overlapping", wire.Report{Complete: 4, Done: []wire.SequenceRange{{From: 3, To: 5}}}, nil, 301.0 / 1301},
		{"on its way", wire.Report{Complete: 5}, map[uint64]uint32{6: 50, 7: 3}, (301 + 500.0) / 1301},
		{"all blocks, not in force", wire.Report{Complete: 5}, map[uint64]uint32{6: 1000}, 0.999},
	} {
		e := &edge{heard: true, report: test.report, blocks: test.blocks}
		if got := e.fraction(w); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	if got := (&edge{heard: true}).fraction(weigh(api.Sequences{First: 1, Last: 2 * maxWeighed}, size)); got != 0 {
		t.Errorf("of too many entries: %v", got)
	}
}

// An edge that is given an empty directory comes back with a new identity at once, before the old
// one counts as silent. Two machines of one name are both expected.
func TestEdgeWithANewDirectoryReplacesTheOld(t *testing.T) {
	now := time.Unix(1000, 0)
	table := testTable()
	tell(table, now, 1, "a", wire.Report{})
	tell(table, now, 8, "twin", wire.Report{})
	tell(table, now, 9, "twin", wire.Report{})
	now = now.Add(time.Second)
	tell(table, now, 8, "twin", wire.Report{})
	tell(table, now, 2, "a", wire.Report{})
	table.Tidy(now)
	if table.Count() != 4 {
		t.Errorf("%d edges while all count as alive", table.Count())
	}
	now = now.Add(2 * aliveFor)
	tell(table, now, 2, "a", wire.Report{})
	tell(table, now, 8, "twin", wire.Report{})
	table.Tidy(now)
	if table.edges[1] != nil || table.Count() != 3 {
		t.Errorf("%d edges, the old one is %v", table.Count(), table.edges[1])
	}
}

// TestAliveFollowsTheInterval: in a large group an edge reports every few minutes.
func TestAliveFollowsTheInterval(t *testing.T) {
	table := testTable()
	now := time.Now()
	for _, lifetime := range []time.Duration{aliveFor, 10 * time.Minute} {
		table.Heard(now, &wire.Feedback{Edge: 9, Counter: uint64(lifetime), Report: &wire.Report{
			GenerationOrder: testGeneration.Order, GenerationRandom: testGeneration.Random,
		}}, Follows, 0, lifetime)
		alive := table.Totals(now.Add(5*time.Minute), 0).EdgesAlive
		if want := lifetime > aliveFor; (alive == 1) != want {
			t.Errorf("lifetime %v: %d alive after 5 minutes", lifetime, alive)
		}
	}
}
