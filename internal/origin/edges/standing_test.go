package edges

import (
	"testing"
	"time"

	"fanfare/fec"
	"fanfare/internal/api"
	"fanfare/internal/wire"
)

// TestStray: what an edge says that follows another log is no receipt.
func TestStray(t *testing.T) {
	now := time.Unix(1000, 0)
	table := testTable()
	r := wire.Report{Name: "e", GenerationOrder: testGeneration.Order, GenerationRandom: testGeneration.Random, Mark: 5, Complete: 5}
	table.Track(2, 2, now)
	for counter, stands := range []Standing{Strays, Follows, Strays, KnowsMore} {
		table.Heard(now, &wire.Feedback{Edge: 1, Counter: uint64(counter + 1), Report: &r}, stands, 0, aliveFor)
		receipt := table.Receipt(now, api.Sequences{First: 2, Last: 2}, func(uint64) (fec.OTI, bool) { return fec.OTI{}, false })
		reason := receipt.Edges[0].Reason
		if want := stands != Strays; receipt.Complete != want || want != (reason == "") {
			t.Errorf("standing %d: %+v", stands, receipt)
		}
		if s := table.Totals(now, 5); (s.EdgesStray == 1) != (stands == Strays) {
			t.Errorf("standing %d: %+v", stands, s)
		}
	}
}

// TestUnjudged: what an edge said before it could not be judged stands, and it has not told that it
// follows the log.
func TestUnjudged(t *testing.T) {
	now := time.Unix(1000, 0)
	table := testTable()
	told := 0
	table.allTold = func() { told++ }
	r := wire.Report{Name: "e", GenerationOrder: testGeneration.Order, GenerationRandom: testGeneration.Random, Mark: 5, Complete: 5}
	for counter, stands := range []Standing{Unjudged, Follows, Unjudged} {
		table.Heard(now, &wire.Feedback{Edge: 1, Counter: uint64(counter + 1), Report: &r}, stands, 0, aliveFor)
		e := table.edges[1]
		if counter == 0 {
			e.awaited, table.awaited = true, 1
		}
		if (told == 1) != (counter > 0) || (e.report.Complete == 5) != (counter > 0) || !table.alive(now, e) || e.stray {
			t.Errorf("after report %d: %+v, %d told", counter+1, e, told)
		}
	}
}
