package sender

import (
	"time"

	"fanfare/internal/mono"
)

// repairs holds the blocks of data objects that were asked for, and sends those of one class in
// the order in which they were first asked for; those of which more than half is asked for wait
// until there are no others, so that an edge that lacks everything does not hold up those that
// lack a few symbols.
type repairs struct {
	table map[blockName]*block
	limit int
	purse purse
	// queues have the blocks with T < G, by the rank of their class.
	queues [classCount]struct{ active, bulk blockList }
	// idle blocks, least recently touched first, are kept so that late asks are judged by what was sent.
	idle blockList
	hold holdback
	// queued is the sum of G - T.
	queued int
	free   *block // linked by next
}

type blockName struct{ toi, sbn uint32 }

const (
	// repairKeep is how long an idle block is kept.
	repairKeep = 30 * time.Second
	// repairKeepLeast is how long it is kept even if another block wants its place: an ask
	// that was under way when it was repaired should still find it.
	repairKeepLeast = time.Second
	// bulkLeast is how many symbols of a block are few, however short it is.
	bulkLeast = 32
)

func newRepairs(limit int, purse purse) repairs {
	return repairs{table: make(map[blockName]*block), limit: limit, purse: purse}
}

// find returns the state of a block, nil if there is none.
func (r *repairs) find(toi, sbn uint32) *block { return r.table[blockName{toi, sbn}] }

// open makes the state of a block of which sent transmissions are over. It returns nil if
// there is no room.
func (r *repairs) open(now mono.Time, o *object, sbn uint32, sent int) *block {
	if len(r.table) >= r.limit {
		oldest := r.idle.front
		if oldest == nil || now.Sub(oldest.touched) < repairKeepLeast {
			return nil
		}
		r.drop(oldest)
	}
	b := r.free
	if b == nil {
		b = &block{}
	} else {
		r.free = b.next
	}
	*b = block{
		object: o, sbn: sbn, account: opened(sent),
		k: o.part.SourceSymbols(sbn), n: int(o.part.OTI().MaxSymbols),
	}
	r.table[blockName{o.toi, sbn}] = b
	b.touched = now
	r.idle.push(b)
	return b
}

// ask raises the goal of a block for an edge that has seen some transmissions and needs more, if the
// edge can pay. It reports whether that changed anything, and whether it was refused.
func (r *repairs) ask(now mono.Time, b *block, seen uint32, need int, by *payer) (raised, refused bool) {
	queue := &r.queues[b.object.priority.rank()]
	if short := int(seen) + need - int(b.goal); short > 0 {
		owed := by.owed + short
		if b.payer != by {
			owed += b.outstanding()
		}
		switch much := owed > r.purse.active; {
		case owed > r.purse.bulk || much && b.list == &queue.active:
			return false, true
		case b.list != &r.idle:
		case much || b.outstanding()+short > max(b.k/2, bulkLeast):
			queue.bulk.push(b)
		default:
			queue.active.push(b)
		}
		b.settle(nil)
		r.queued += b.ask(seen, need)
		b.settle(by)
		raised = true
	}
	b.touched = now
	if b.list == &r.idle {
		r.idle.push(b)
	}
	return raised, false
}

// next returns the block of a class to send a symbol of, nil if there is none.
func (r *repairs) next(rank int) *block {
	if q := &r.queues[rank]; q.active.front != nil {
		return q.active.front
	}
	return r.queues[rank].bulk.front
}

// sent says that the block's next symbol went out. It reports whether nothing is queued any more.
func (r *repairs) sent(now mono.Time, b *block, sequence uint32) (drained bool) {
	b.transmit(sequence)
	b.touched = now
	r.queued--
	b.payer.owed--
	if b.outstanding() == 0 {
		b.settle(nil)
		r.idle.push(b)
	}
	return r.queued == 0
}

// drop forgets a block.
func (r *repairs) drop(b *block) {
	b.leave()
	b.settle(nil)
	r.hold.remove(b)
	r.queued -= b.outstanding()
	delete(r.table, blockName{b.object.toi, b.sbn})
	*b = block{next: r.free}
	r.free = b
}

// dropObject forgets all blocks of an object.
func (r *repairs) dropObject(o *object) {
	queue := &r.queues[o.priority.rank()]
	for _, l := range []*blockList{&queue.active, &queue.bulk, &r.idle} {
		for b := l.front; b != nil; {
			next := b.next
			if b.object == o {
				r.drop(b)
			}
			b = next
		}
	}
}

// sweep forgets blocks that have been idle for long.
func (r *repairs) sweep(now mono.Time) {
	for b := r.idle.front; b != nil && now.Sub(b.touched) > repairKeep; b = r.idle.front {
		r.drop(b)
	}
}

// asked reports whether symbols of an object are still to be sent.
func (r *repairs) asked(o *object) bool {
	queue := &r.queues[o.priority.rank()]
	for _, l := range []*blockList{&queue.active, &queue.bulk} {
		for b := l.front; b != nil; b = b.next {
			if b.object == o {
				return true
			}
		}
	}
	return false
}
