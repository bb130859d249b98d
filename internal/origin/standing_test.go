package origin

import (
	"testing"
	"time"

	"fanfare/control"
	"fanfare/fec"
	"fanfare/internal/api"
	"fanfare/internal/wire"
)

func TestStanding(t *testing.T) {
	dir, entries, _ := twoLogs(t)
	o := start(t, dir)
	s := standings{entries: o.entries}
	one, three := front(control.HashEntry(entries[0])), front(control.HashEntry(entries[2]))
	for _, test := range []struct {
		name   string
		report *wire.Report
		want   standing
	}{
		{"no report", nil, follows},
		{"nothing yet", &wire.Report{}, follows},
		{"in step", &wire.Report{Mark: 1, MarkHash: one, Newest: 1}, follows},
		{"another hash", &wire.Report{Mark: 1, MarkHash: three, Newest: 1}, strays},
		{"an entry that the log does not have", &wire.Report{Mark: 1, MarkHash: one, Newest: 3}, knowsMore},
		{"a mark behind the head", &wire.Report{Mark: 3, MarkHash: three, Newest: 3}, strays},
		{"nothing but one behind the head", &wire.Report{Newest: 3}, knowsMore},
	} {
		if got := s.of(test.report, 1); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

// TestStray: what an edge says that follows another log is no receipt.
func TestStray(t *testing.T) {
	now := time.Unix(1000, 0)
	table := testTable()
	r := wire.Report{Name: "e", GenerationOrder: testGeneration.Order, GenerationRandom: testGeneration.Random, Mark: 5, Complete: 5}
	table.track(2, 2, now)
	for counter, stands := range []standing{strays, follows, strays, knowsMore} {
		table.heard(now, &wire.Feedback{Edge: 1, Counter: uint64(counter + 1), Report: &r}, stands, 0, aliveFor)
		receipt := table.receipt(now, api.Sequences{First: 2, Last: 2}, func(uint64) (fec.OTI, bool) { return fec.OTI{}, false })
		reason := receipt.Edges[0].Reason
		if want := stands != strays; receipt.Complete != want || want != (reason == "") {
			t.Errorf("standing %d: %+v", stands, receipt)
		}
		if s := table.totals(now, 5); (s.EdgesStray == 1) != (stands == strays) {
			t.Errorf("standing %d: %+v", stands, s)
		}
	}
}
