package sim

import (
	"time"

	"fanfare/internal/mono"
)

// fetchInterval is the least between two looks of a demoted edge at what it misses.
const fetchInterval = 10 * time.Millisecond

// fetchSoon has a demoted edge look at what it misses.
func (s *Simulation) fetchSoon(i int) {
	e := &s.edges[i]
	roundTrip := e.down.Delay() + e.up.Delay()
	s.schedule.add(s.now.Add(max(roundTrip, fetchInterval)), fetchBlocks, i, e.starts)
}

// fetchBlocks supplies a demoted edge with the blocks that it misses, as if by unicast: at once and
// without a limit, since what that costs is not what is simulated.
func (s *Simulation) fetchBlocks(i, start int) {
	e := &s.edges[i]
	if e.engine == nil || e.starts != start || !e.engine.Demoted() {
		return
	}
	for _, o := range s.objects {
		if o.bare || o.done[i] != mono.Never {
			continue
		}
		for _, run := range e.engine.Missing(o.toi, nil) {
			for sbn := run.SBN; sbn-run.SBN < run.Count; sbn++ {
				o.have[i].add(sbn)
				s.gained(i, o, sbn)
				e.engine.Supply(s.now, o.toi, sbn)
			}
		}
	}
	s.pumpEdge(i, nil)
	s.fetchSoon(i)
}
