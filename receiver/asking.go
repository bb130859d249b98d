package receiver

import (
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// asking decides which blocks to ask for, and when. A block that is due and needs more than
// is already coming is *wanted*; blocks that become wanted together are asked for together when
// their back-off is over, except those that got what they need meanwhile.
type asking struct {
	// limit is Config.MaxAskedBlocks, claimed how many blocks are wanted or asked for.
	limit, claimed int
	// wanted counts the blocks that are wanted, fresh those of them whose back-off has not begun.
	// due is when the first of the others are asked for, or earlier; Never if there are none.
	wanted, fresh int
	due           mono.Time
	// beat numbers the heartbeats, to tell what the latest one listed; truncated says that it
	// did not list everything.
	beat      uint32
	truncated bool
	// chosen is scratch space of NextFeedback.
	chosen []choice
}

// truncatedWait is how many round trips an ask is waited for when heartbeats cannot list all
// that is outstanding.
const truncatedWait = 4

// maxVisits bounds how many blocks without state one assessment looks at.
const maxVisits = 1024

// release gives back the place of a block that is not wanted any more.
func (a *asking) release(b *block) {
	if b.asks > 0 {
		a.claimed--
		b.asks = 0
	}
}

// want marks a block as wanted.
func (e *Engine) want(o *object, b *block) {
	if b.asks == 0 {
		e.asking.claimed++
	}
	b.wanted, b.due = true, mono.Never
	e.asking.fresh++
	o.wanted++
	e.asking.wanted++
}

// unwant takes the mark away and reports whether there was one.
func (e *Engine) unwant(o *object, b *block) bool {
	if !b.wanted {
		return false
	}
	if b.asks == 0 {
		e.asking.claimed--
	}
	if b.due == mono.Never {
		e.asking.fresh--
	}
	b.wanted, b.again = false, false
	o.wanted--
	if e.asking.wanted--; e.asking.wanted == 0 {
		e.asking.due = mono.Never
	}
	return true
}

// suppress is unwant for a block that got, or will get, what it needs.
func (e *Engine) suppress(o *object, b *block) {
	again := b.again
	if e.unwant(o, b) && !again {
		e.stats.NACKsSuppressed++
	}
}

// mark notes what a heartbeat lists as outstanding in the blocks that it names.
func (e *Engine) mark(h *wire.Heartbeat) {
	e.asking.beat++
	e.asking.truncated = h.Truncated
	for _, r := range h.Outstanding {
		o := e.objects.table[r.TOI]
		if o == nil {
			continue
		}
		for i, _ := o.find(r.SBN); i < len(o.open) && o.open[i].sbn-r.SBN < r.Count; i++ {
			o.open[i].outstanding, o.open[i].beat = r.Symbols, e.asking.beat
		}
	}
}

// assess judges every missing block of an object that is due, oldest first. h is the heartbeat
// that has just come, nil if none has. Of an object that no one expects nothing is asked for: it
// may be forged, and would take the place of others.
func (e *Engine) assess(now mono.Time, o *object, h *wire.Heartbeat) {
	if !o.expected || e.cfg.OneWay || e.demoted && wire.IsData(o.toi) {
		return
	}
	visits := maxVisits
	run, bad, i := 0, 0, 0 // the next whole run, the next poisoned one, the next open block
	for sbn := uint32(0); sbn < o.position; {
		switch {
		case run < len(o.whole.runs) && o.whole.runs[run].SBN == sbn:
			sbn += o.whole.runs[run].Count
			run++
		case bad < len(o.poisoned.runs) && o.poisoned.runs[bad].SBN == sbn:
			sbn += o.poisoned.runs[bad].Count
			bad++
		case i < len(o.open) && o.open[i].sbn == sbn:
			e.judge(now, o, o.open[i], h)
			i++
			sbn++
		case visits > 0 && e.asking.claimed < e.asking.limit && e.blocks.room():
			visits--
			if !covered(h, o, sbn) {
				e.want(o, e.blocks.open(o, i, sbn))
				i++
			}
			sbn++
		default: // the rest of the gap has to wait
			sbn = o.position
			if i < len(o.open) {
				sbn = min(sbn, o.open[i].sbn)
			}
			if run < len(o.whole.runs) {
				sbn = min(sbn, o.whole.runs[run].SBN)
			}
			if bad < len(o.poisoned.runs) {
				sbn = min(sbn, o.poisoned.runs[bad].SBN)
			}
		}
	}
}

// covered reports whether a heartbeat lists all that a block without state needs.
func covered(h *wire.Heartbeat, o *object, sbn uint32) bool {
	if h == nil {
		return false
	}
	need := 1
	if o.known {
		need = o.part.SourceSymbols(sbn)
	}
	for _, r := range h.Outstanding {
		if r.TOI == o.toi && sbn-r.SBN < r.Count && int(r.Symbols) >= need {
			return true
		}
	}
	return false
}

// judge decides whether a block that is due is wanted.
func (e *Engine) judge(now mono.Time, o *object, b *block, h *wire.Heartbeat) {
	if b.ready || now < b.retry {
		return
	}
	listed := b.beat == e.asking.beat
	switch {
	case listed && b.need() <= int(b.outstanding):
		e.suppress(o, b)
	case b.again && b.counter <= e.rtt.acknowledged:
		e.unwant(o, b)
	case b.wanted:
	case b.asks == 0:
		if e.asking.claimed < e.asking.limit {
			e.want(o, b)
		}
	case h != nil && e.unanswered(now, b, listed):
		e.want(o, b)
	}
}

// unanswered reports whether the heartbeat that has just come was sent after the last ask for
// a block had reached the sender, or should have: then what it says is the answer. One that
// cannot list everything answers nothing by not listing the block.
func (e *Engine) unanswered(now mono.Time, b *block, listed bool) bool {
	waited, wait := now.Sub(b.asked), e.rtt.wait(e.sender.grtt)
	if e.asking.truncated && !listed {
		return waited >= truncatedWait*wait
	}
	return waited >= wait || b.counter <= e.rtt.acknowledged
}

// arm begins the back-off of blocks that have become wanted, one for all of them. Those that wait
// already keep their own: when it ended for all at once, every one of many receivers had some fresh
// block to ask for, and few were silent (1,000 edges, 5 %: four times the NACKs). One drawn when
// the hints were larger is cut.
func (e *Engine) arm(now mono.Time) {
	a := &e.asking
	if a.fresh > 0 {
		due := now.Add(e.loss.wait(now) + backoff(e.rng, e.sender.edges, e.sender.grtt))
		e.eachWanted(func(b *block) {
			if b.due == mono.Never {
				b.due = due
			}
		})
		a.fresh, a.due = 0, min(a.due, due)
	}
	latest := now.Add(lateMost + longestBackoff(e.sender.edges, e.sender.grtt))
	if a.wanted > 0 && a.due > latest {
		e.eachWanted(func(b *block) { b.due = min(b.due, latest) })
		a.due = latest
	}
}

// rearm finds out when the next wanted blocks are due.
func (e *Engine) rearm() {
	e.asking.due = mono.Never
	e.eachWanted(func(b *block) { e.asking.due = min(e.asking.due, b.due) })
}

// eachWanted calls do for each block that is wanted.
func (e *Engine) eachWanted(do func(b *block)) {
	for _, o := range e.objects.order {
		left := o.wanted
		for i := 0; left > 0 && i < len(o.open); i++ {
			if b := o.open[i]; b.wanted {
				left--
				do(b)
			}
		}
	}
}
