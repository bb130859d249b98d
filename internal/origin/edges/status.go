package edges

import (
	"slices"
	"time"

	"fanfare/fec"
	"fanfare/internal/api"
)

// Status returns all edges, worst first.
func (t *Table) Status(now time.Time, head, mark uint64, digest [32]byte, size func(uint64) (fec.OTI, bool)) []api.Edge {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := []api.Edge{}
	for _, e := range t.sorted() {
		r := &e.report
		x := api.Edge{
			Name: e.name, ID: hex(e.id), Alive: t.alive(now, e),
			FirstSeen: e.first, LastSeen: e.last, Mark: r.Mark, Complete: r.Complete,
			Unknown: !e.heard || e.foreign || e.stray, Ahead: e.newest - min(e.newest, head),
			Stray:      e.stray,
			Differs:    e.foreign || e.stray || e.heard && r.Mark == mark && r.Digest != digest,
			RTTSeconds: e.rtt.Seconds(), Loss: float64(r.LossPPM) / 1e6,
			PacketsReceived: r.PacketsReceived, PacketsLost: r.PacketsLost, SocketDrops: r.SocketDrops,
			NACKsSent: r.NACKsSent, BlocksDecoded: r.BlocksDecoded, BlocksPoisoned: r.BlocksPoisoned,
			BlocksFetched: r.BlocksFetched, Demoted: e.demoted,
		}
		if !x.Unknown {
			x.Behind = head - min(r.Complete, head)
		}
		if x.Alive {
			x.Recent = e.recent.packets()
		}
		for _, f := range r.Failed {
			x.Failed = append(x.Failed, api.Failure{Sequence: f.Sequence, Reason: f.Reason})
		}
		for _, p := range r.Progress {
			oti, _ := size(p.Sequence)
			partition, _ := oti.Partition() // of nothing if it is not kept any more
			x.Progress = append(x.Progress, api.Progress{Sequence: p.Sequence, Blocks: p.Blocks, Of: partition.Blocks()})
		}
		list = append(list, x)
	}
	slices.SortStableFunc(list, worse)
	return list
}

// worse orders edges: silent ones, those that differ, those with failures, those most behind,
// those with most loss.
func worse(a, b api.Edge) int {
	rank := func(e api.Edge) []float64 {
		bools := []bool{!e.Alive, e.Differs, len(e.Failed) > 0}
		var r []float64
		for _, x := range bools {
			if x {
				r = append(r, 0)
			} else {
				r = append(r, 1)
			}
		}
		return append(r, -float64(e.Behind), -e.Loss)
	}
	return slices.Compare(rank(a), rank(b))
}
