package origin

import (
	"testing"

	"fanfare/control"
	"fanfare/internal/origin/edges"
	"fanfare/internal/origin/marks"
	"fanfare/internal/wire"
)

func TestStanding(t *testing.T) {
	dir, entries, _ := twoLogs(t)
	o := start(t, dir)
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
		if got := stand(test.report, 1, o.marks); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

// TestUnjudged: a mark whose hash must be looked up first.
func TestUnjudged(t *testing.T) {
	table := marks.New(func(uint64) ([]byte, error) { return nil, errNoEntry })
	const head = 1 << 20
	for sequence := uint64(1); sequence <= head; sequence++ {
		table.Add(sequence, control.Hash{1})
	}
	if got := stand(&wire.Report{Mark: 1, MarkHash: front(control.Hash{1})}, head, table); got != edges.Unjudged {
		t.Errorf("far behind: %d", got)
	}
	if got := stand(&wire.Report{Mark: head, MarkHash: front(control.Hash{1})}, head, table); got != edges.Follows {
		t.Errorf("at the head: %d", got)
	}
}
