package edges

// Demote takes note of whether the sender has demoted an edge.
func (t *Table) Demote(id uint64, demoted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.edges[id]
	if e == nil || e.demoted == demoted {
		return
	}
	if e.demoted = demoted; demoted {
		t.log.Warn("edge is demoted: it is far behind the others, and gets what it misses by unicast",
			"edge", e.name, "loss", float64(e.report.LossPPM)/1e6)
	} else {
		t.log.Info("edge is no longer demoted", "edge", e.name)
	}
	t.change()
}
