package receiver

import (
	"errors"

	"fanfare/internal/mono"
)

// ErrPoisoned is wrapped by the error that HandleResult is given for a block that was decodable
// and is not what the origin signed: a symbol of it was forged, or what is sent is damaged.
var ErrPoisoned = errors.New("receiver: block failed its digest")

// maxMissing is how many runs Missing and Poisoned append at most.
const maxMissing = 64

// Missing appends to list the blocks of an object that are not whole though every block below and
// they themselves have been sent once, as runs, the lowest first: at most 64 runs, and none of an
// object that is not expected. While the sender is silent all blocks that are not whole are
// missing. A receiver that is demoted, or hears nothing, gets these by unicast, and calls Supply.
func (e *Engine) Missing(toi uint32, list []BlockRange) []BlockRange {
	o := e.objects.table[toi]
	if o == nil || !o.known || !o.expected {
		return list
	}
	end := o.position
	if e.presence.silent {
		end = o.part.Blocks()
	}
	limit := len(list) + maxMissing
	next := uint32(0)
	for _, run := range o.whole.runs {
		if run.SBN >= end || len(list) == limit {
			break
		}
		if run.SBN > next {
			list = append(list, BlockRange{SBN: next, Count: run.SBN - next})
		}
		next = run.SBN + run.Count
	}
	if next < end && len(list) < limit {
		list = append(list, BlockRange{SBN: next, Count: end - next})
	}
	return list
}

// Poisoned appends to list the blocks of an object that failed with ErrPoisoned and have not been
// supplied, as runs, the lowest first, at most 64. There are none without Config.Unicast.
func (e *Engine) Poisoned(toi uint32, list []BlockRange) []BlockRange {
	o := e.objects.table[toi]
	if o == nil {
		return list
	}
	return append(list, o.poisoned.runs[:min(len(o.poisoned.runs), maxMissing)]...)
}

// Supply says that the loop has a block from elsewhere than packets, verified and stored: it is
// whole. What packets brought of it is forgotten. It returns false if the object is not held or
// the block is whole already. If it was the last one, ObjectWhole follows.
func (e *Engine) Supply(now mono.Time, toi, sbn uint32) (wanted bool) {
	e.now = now
	o := e.objects.table[toi]
	if o == nil || !o.known || sbn >= o.part.Blocks() || o.whole.has(sbn) {
		return false
	}
	if i, open := o.find(sbn); open {
		e.suppress(o, o.open[i])
		e.asking.release(o.open[i])
		e.blocks.close(o, i)
	}
	if o.poisoned.remove(sbn) {
		e.stats.BlocksPoisoned--
	}
	o.whole.add(sbn)
	e.stats.BlocksSupplied++
	e.finish(o)
	return true
}

// poison takes note of a block that failed for good: it is not open any more, nor asked for, and
// what packets bring of it is ignored until it is supplied. That holds for ErrPoisoned, if the loop
// fetches blocks by unicast; it reports whether it did. Any other failure is this receiver's own.
func (e *Engine) poison(o *object, sbn uint32, err error) bool {
	if !e.cfg.Unicast || !errors.Is(err, ErrPoisoned) || !o.expected || e.objects.runs >= e.cfg.MaxRanges {
		return false
	}
	if !o.known || sbn >= o.part.Blocks() || o.poisoned.has(sbn) {
		return false
	}
	if i, open := o.find(sbn); open {
		e.unwant(o, o.open[i])
		e.asking.release(o.open[i])
		e.blocks.close(o, i)
	}
	o.poisoned.add(sbn)
	e.stats.BlocksPoisoned++
	return true
}
