package edges

import (
	"log/slog"
	"testing"
	"time"

	"fanfare/control"
	"fanfare/internal/wire"
)

// TestDemotedEdge checks that a demoted edge is shown, and does not decide how bundles are cut.
func TestDemotedEdge(t *testing.T) {
	generation := control.Generation{Order: 1, Random: 2}
	table := New(generation, nil, func() {}, slog.New(slog.DiscardHandler))
	now := time.Unix(1_700_000_000, 0)
	for id, loss := range map[uint64]uint32{1: 10_000, 2: 400_000} {
		r := wire.Report{Name: "e", GenerationOrder: 1, GenerationRandom: 2, LossPPM: loss}
		table.Heard(now, &wire.Feedback{Edge: id, Report: &r}, Follows, time.Millisecond, aliveFor)
	}
	for _, demoted := range []bool{true, false} {
		table.Demote(2, demoted)
		table.Demote(3, demoted) // nobody
		want := uint32(400_000)
		if demoted {
			want = 10_000
		}
		if got := table.LossPercentile(now, 95); got != want {
			t.Errorf("demoted %v: loss %d ppm, want %d", demoted, got, want)
		}
		for id, e := range table.edges {
			if e.demoted != (demoted && id == 2) {
				t.Errorf("edge %d: demoted is %v", id, e.demoted)
			}
		}
	}
}
