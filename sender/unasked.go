package sender

import (
	"slices"
	"time"

	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// unasked is how many repair symbols follow the source symbols of each block of one object: a fixed
// number, or what proactive says for each group. A fraction is spread over blocks: of a = 2.25 every
// fourth gets three.
type unasked struct {
	fixed bool
	// amount is a, rest what of it the blocks so far have not been given.
	amount, rest float64
}

const (
	// maxUnjudged is how many objects wait to be judged at most, judgeMost for how long: what was
	// asked for is not remembered much longer.
	maxUnjudged = 64
	judgeMost   = repairKeep / 2
)

// fix takes ObjectInfo.Proactive.
func (u *unasked) fix(policy int) {
	u.fixed = policy != 0
	u.amount = float64(min(max(policy, 0), fec.MaxSymbols))
}

// take returns what a group of some blocks gets.
func (u *unasked) take(width int) extra {
	sum := u.amount*float64(width) + u.rest
	whole := int(sum)
	u.rest = sum - float64(whole)
	return extra{each: uint8(whole / width), more: uint8(whole % width)}
}

// beginGroup begins the next group of an object's first pass, of at most so many blocks.
func (e *Engine) beginGroup(now mono.Time, o *object, most int) {
	width := min(uint32(most), o.part.Blocks()-o.pass.position)
	if !o.unasked.fixed {
		k, n := o.part.SourceSymbols(o.pass.position), int(o.part.OTI().MaxSymbols)
		if e.proactive.ruled(now, k, &e.edges).amount > 0 {
			e.proactive.unjudged = slices.DeleteFunc(e.proactive.unjudged, func(o *object) bool { return e.judge(now, o) })
			e.judge(now, o)
		}
		o.unasked.amount = e.proactive.amount(now, k, n, &e.edges)
	}
	o.pass.begin(width, o.unasked.take(int(width)))
}

// judgeLater says that the first pass of an object is over, though edges have not had the time to ask
// for all of its blocks.
func (p *proactive) judgeLater(o *object) {
	if o.unasked.fixed {
		return
	}
	if len(p.unjudged) == maxUnjudged {
		p.unjudged = slices.Delete(p.unjudged, 0, 1)
	}
	p.unjudged = append(p.unjudged, o)
}

// forget has an object judged no more.
func (p *proactive) forget(o *object) {
	p.unjudged = slices.DeleteFunc(p.unjudged, func(x *object) bool { return x == o })
}

// judge tracks what the blocks of a first pass needed that edges have had the time to ask for, and
// reports whether that is all of them.
func (e *Engine) judge(now mono.Time, o *object) (all bool) {
	f, n := &o.pass, int(o.part.OTI().MaxSymbols)
	for wait := e.askTime(); f.judged < len(f.marks); f.judged++ {
		m := f.marks[f.judged]
		ago := now.Sub(m.at)
		if ago < wait {
			return false
		}
		for sbn := m.end - uint32(m.width); sbn < m.end && ago < judgeMost; sbn++ {
			k := o.part.SourceSymbols(sbn)
			need, got := 0, f.transmitted(sbn)-k
			if b := e.repairs.find(o.toi, sbn); b != nil {
				need = int(b.goal) - f.start - k
			}
			switch {
			case need > got+max(k/2, bulkLeast): // an edge wants what it was not there for
			case need > got:
				e.proactive.track(now, k, n, need, &e.edges)
			case float64(got) < e.proactive.amount(now, k, n, &e.edges)+1:
				e.proactive.track(now, k, n, 0, &e.edges)
			}
		}
	}
	return true
}

// unlearn forgets what tracking has come to, and will not look at blocks that have been sent.
func (e *Engine) unlearn() {
	p := &e.proactive
	p.drift, p.tracked, p.unjudged = 0, 0, p.unjudged[:0]
	for _, running := range []bool{true, false} {
		e.schedule.each(running, func(o *object) { o.pass.judged = len(o.pass.marks) })
	}
}

// askTime is how long after the end of a group the asks for its blocks may come: a heartbeat tells
// of the end, and after a back-off the ask is under way.
func (e *Engine) askTime() time.Duration {
	grtt := e.grtt.timer()
	wait := grtt + max(min(grtt, idleLongest), passingInterval)
	if len(e.edges.table) > wire.BackoffGroup {
		wait += wire.BackoffFactor * grtt
	}
	return wait
}
