package edges

import (
	"slices"
	"time"
)

// maxSilentTold is how many edges the log names when they fall silent together: where a link was
// cut they may be thousands.
const maxSilentTold = 10

// tellSilent has the log tell, once, of edges that were heard and are not any more.
func (t *Table) tellSilent(now time.Time) {
	var silent []*edge
	for _, e := range t.edges {
		if e.heard && !e.silentTold && !t.alive(now, e) {
			e.silentTold = true
			silent = append(silent, e)
		}
	}
	slices.SortFunc(silent, byName)
	for _, e := range silent[:min(len(silent), maxSilentTold)] {
		t.log.Warn("edge is silent", "edge", e.name, "id", hex(e.id), "silent", now.Sub(e.last).Round(time.Second))
	}
	if more := len(silent) - maxSilentTold; more > 0 {
		t.log.Warn("more edges are silent", "edges", more)
	}
}
