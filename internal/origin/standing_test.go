package origin

import (
	"testing"

	"fanfare/control"
	"fanfare/internal/origin/edges"
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
		want   edges.Standing
	}{
		{"no report", nil, edges.Follows},
		{"nothing yet", &wire.Report{}, edges.Follows},
		{"in step", &wire.Report{Mark: 1, MarkHash: one, Newest: 1}, edges.Follows},
		{"another hash", &wire.Report{Mark: 1, MarkHash: three, Newest: 1}, edges.Strays},
		{"an entry that the log does not have", &wire.Report{Mark: 1, MarkHash: one, Newest: 3}, edges.KnowsMore},
		{"a mark behind the head", &wire.Report{Mark: 3, MarkHash: three, Newest: 3}, edges.Strays},
		{"nothing but one behind the head", &wire.Report{Newest: 3}, edges.KnowsMore},
	} {
		if got := s.of(test.report, 1); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}
