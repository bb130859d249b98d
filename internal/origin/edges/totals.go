package edges

import "time"

// Totals is what the table of edges comes to.
type Totals struct {
	// EdgesExpected counts all edges in the table, EdgesAlive those heard of lately, EdgesBehind those
	// that do not serve everything up to the head, EdgesStray those that follow another log.
	EdgesExpected, EdgesAlive, EdgesBehind, EdgesStray int
	// ReportsRefused counts reports for whose edge there was no room, ReportsForeign those of another
	// generation.
	ReportsRefused, ReportsForeign uint64
}

// Totals returns what the table comes to, for a log that ends at head.
func (t *Table) Totals(now time.Time, head uint64) Totals {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Totals{EdgesExpected: len(t.edges), ReportsRefused: t.refused, ReportsForeign: t.foreign}
	for _, e := range t.edges {
		if t.alive(now, e) {
			s.EdgesAlive++
		}
		if e.stray {
			s.EdgesStray++
		}
		if e.report.Complete < head {
			s.EdgesBehind++
		}
	}
	return s
}
