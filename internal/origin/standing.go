package origin

import (
	"fanfare/internal/origin/edges"
	"fanfare/internal/origin/marks"
	"fanfare/internal/wire"
)

// stand returns how the sender of a report stands to the log of marks, which ends at head.
func stand(r *wire.Report, head uint64, m *marks.Table) edges.Standing {
	if r == nil {
		return edges.Follows
	}
	if r.Mark > head {
		return edges.Strays
	}
	if r.Mark > 0 {
		switch m.Judge(r.Mark, r.MarkHash) {
		case marks.No:
			return edges.Strays
		case marks.Later:
			return edges.Unjudged
		}
	}
	if r.Newest > head {
		return edges.KnowsMore
	}
	return edges.Follows
}
