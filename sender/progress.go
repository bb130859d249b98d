package sender

import (
	"cmp"
	"slices"

	"fanfare/internal/wire"
)

// progress makes out of the first passes what heartbeats say of them, in such a way that
// nothing is ever claimed as sent that was not.
type progress struct {
	// later are objects that the loop has yet to add; see Withhold.
	later wire.TOIRange
	// over are the objects whose first pass was over last, in a ring; finishes counts all there were.
	over     [maxOver]wire.Position
	finishes uint64
	// told counts heartbeats, cursor is where in over the one to tell of next is looked for.
	told   uint64
	cursor uint64
	// spans is scratch space, stale says that ranges have to be made anew.
	spans  []span
	ranges []wire.TOIRange
	stale  bool
}

const (
	// maxOver is how many objects are remembered whose first pass is over. Of those that lie in a
	// range of others that wait heartbeats tell in turn, so that an edge which lost them, or
	// came late, need not wait for all the others.
	maxOver = 1024
	// overLooks is how many of them are looked at for one heartbeat.
	overLooks = 64
)

// span is a run of objects by their age: how many sequences they come before the newest that
// was begun.
type span struct{ newest, oldest uint32 }

// Withhold says that data objects from TOI first to last, or some of them, will be added later
// than newer ones: until then receivers are told not to ask for them. There is one such range;
// zeros take it back.
func (e *Engine) Withhold(first, last uint32) {
	if later := (wire.TOIRange{First: first, Last: last}); later != e.progress.later {
		e.progress.later, e.progress.stale = later, true
	}
}

// finished takes note of an object whose first pass is over.
func (g *progress) finished(o *object) {
	g.over[g.finishes%maxOver] = wire.Position{TOI: o.toi, SBN: o.part.Blocks()}
	g.finishes++
	g.stale = true
}

// tell fills in Started, First and Waiting.
func (g *progress) tell(h *wire.Heartbeat, s *schedule, started uint32) {
	if h.Started, h.First, h.Waiting = started, h.First[:0], h.Waiting[:0]; started == 0 {
		return
	}
	if g.stale {
		g.stale = false
		g.collect(s, started)
	}
	h.Waiting = append(h.Waiting, g.ranges...)
	s.each(true, func(o *object) {
		if !newer(o.toi, started) {
			h.First = append(h.First, wire.Position{TOI: o.toi, SBN: o.pass.position})
		}
	})
	// Where there is room, what else the ranges would keep from being asked for.
	s.each(false, func(o *object) {
		if o.pass.position > 0 && len(h.First) < wire.MaxPositions {
			h.First = append(h.First, wire.Position{TOI: o.toi, SBN: o.pass.position})
		}
	})
	g.tellOver(h)
}

// tellOver adds objects that the ranges would keep from being asked for though their first pass is
// over: the latest, and for one place, of a single one every other time, any of them in turn.
func (g *progress) tellOver(h *wire.Heartbeat) {
	free := wire.MaxPositions - len(h.First)
	if len(h.Waiting) == 0 || free <= 0 {
		return
	}
	add := func(number uint64) bool {
		p := g.over[number%maxOver]
		if p.TOI == 0 || !within(h.Waiting, p.TOI) || listed(h.First, p.TOI) {
			return false
		}
		h.First = append(h.First, p)
		return true
	}
	kept := min(g.finishes, maxOver)
	if g.told++; free > 1 || g.told%2 == 0 {
		for range min(kept, overLooks) {
			if g.cursor++; add(g.finishes - 1 - g.cursor%kept) {
				break
			}
		}
	}
	for i := uint64(0); i < min(kept, wire.MaxPositions) && len(h.First) < wire.MaxPositions; i++ {
		add(g.finishes - 1 - i)
	}
}

// listed reports whether a list names an object.
func listed(list []wire.Position, toi uint32) bool {
	return slices.ContainsFunc(list, func(p wire.Position) bool { return p.TOI == toi })
}

// within reports whether one of some ranges has an object.
func within(list []wire.TOIRange, toi uint32) bool {
	return slices.ContainsFunc(list, func(r wire.TOIRange) bool { return !newer(r.First, toi) && !newer(toi, r.Last) })
}

// collect makes the ranges of the objects that wait, up to started. If there are too many the
// smallest gaps between them are closed.
func (g *progress) collect(s *schedule, started uint32) {
	g.spans, g.ranges = g.spans[:0], g.ranges[:0]
	newest := wire.Sequence(started, farSequence)
	note := func(first, last uint32) {
		from, to := wire.Sequence(first, newest), min(wire.Sequence(last, newest), newest)
		if from <= to {
			g.spans = append(g.spans, span{newest: uint32(newest - to), oldest: uint32(newest - from)})
		}
	}
	s.each(false, func(o *object) { note(o.toi, o.toi) })
	if g.later.First != 0 {
		note(g.later.First, g.later.Last)
	}
	if len(g.spans) == 0 {
		return
	}
	slices.SortFunc(g.spans, func(a, b span) int { return cmp.Compare(a.newest, b.newest) })
	g.merge()
	for i := len(g.spans) - 1; i >= 0; i-- {
		r := g.spans[i]
		g.ranges = append(g.ranges, wire.TOIRange{
			First: wire.DataTOI(newest - uint64(r.oldest)), Last: wire.DataTOI(newest - uint64(r.newest)),
		})
	}
}

// merge makes one of spans that touch, and then of neighbours until there are few enough.
func (g *progress) merge() {
	merged := g.spans[:1]
	for _, next := range g.spans[1:] {
		if last := &merged[len(merged)-1]; next.newest <= last.oldest+1 {
			last.oldest = max(last.oldest, next.oldest)
		} else {
			merged = append(merged, next)
		}
	}
	// cuts are the gaps that stay, each by the index of the span behind it.
	var cuts [wire.MaxWaiting - 1]int
	for i := 1; i < len(merged); i++ {
		for c, i := 0, i; c < len(cuts) && i != 0; c++ {
			if cuts[c] == 0 || gap(merged, i) > gap(merged, cuts[c]) {
				cuts[c], i = i, cuts[c]
			}
		}
	}
	g.spans = merged[:1]
	for i, next := range merged {
		if slices.Contains(cuts[:], i) && i > 0 {
			g.spans = append(g.spans, next)
		} else if i > 0 {
			g.spans[len(g.spans)-1].oldest = next.oldest
		}
	}
}

// gap returns how many sequences lie between a span and the one before.
func gap(list []span, i int) uint32 { return list[i].newest - list[i-1].oldest }
