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
	queues [classCount]repairQueue
	// idle blocks, least recently touched first, are kept so that late asks are judged by what was
	// sent.
	idle blockList
	hold holdback
	// queued is the sum of G - T.
	queued int
	free   *block // linked by next
}

// repairQueue has the blocks of a class. When passed symbols of active ones have been sent while others
// wait in bulk it is their turn, until they have had one part in bulkParts.
type repairQueue struct {
	active, bulk blockList
	passed       int
	bulkTurn     bool
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
	// Bulk gets one part in bulkParts of what active blocks get, and its turn after bulkDue symbols, so
	// that it is of some length: an account tells only a few runs of transmissions apart.
	bulkParts = 16
	bulkDue   = 64 * bulkParts
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
	goal := seen + uint32(need)
	rush, short := int(goal)-int(max(b.soon, b.sent)), int(goal)-int(b.goal)
	few := rush > 0 && int(goal)-int(b.sent) <= max(b.k/2, bulkLeast) &&
		affords(by.active, rush, b.urgent(), b.urgentPayer == by, r.purse.active)
	if !few && short > 0 && !affords(by.bulk, short, b.rest(), b.restPayer == by, r.purse.bulk) {
		return false, true
	}
	b.charge(-1)
	if few {
		b.soon, b.urgentPayer = goal, by
	} else if short > 0 {
		b.restPayer = by
	}
	if short > 0 {
		r.queued += b.ask(seen, need)
	}
	b.charge(1)
	b.touched = now
	r.place(b)
	return few || short > 0, false
}

// place puts a block into the queue where it belongs, if it is not there.
func (r *repairs) place(b *block) {
	queue := &r.queues[b.object.priority.rank()]
	switch {
	case b.outstanding() == 0:
		b.soon, b.urgentPayer, b.restPayer = 0, nil, nil
		r.idle.push(b)
	case b.urgent() == 0 && b.list != &queue.bulk:
		b.turn = 0
		queue.bulk.push(b)
	case b.urgent() > 0 && b.list != &queue.active:
		b.turn = 0
		queue.active.push(b)
	}
}

// turnOver reports whether so much of a block was sent that it is the next one's turn, whatever is
// still asked for.
func (b *block) turnOver() bool { return b.turn >= max(b.k, bulkLeast) }

// next returns the block of a class to send a symbol of, nil if there is none.
func (r *repairs) next(rank int) *block {
	q := &r.queues[rank]
	if q.active.front == nil || q.bulkTurn && q.bulk.front != nil {
		return q.bulk.front
	}
	return q.active.front
}

// sent says that the block's next symbol went out. It reports whether nothing is queued any more.
func (r *repairs) sent(now mono.Time, b *block, sequence uint32) (drained bool) {
	q := &r.queues[b.object.priority.rank()]
	if b.list == &q.bulk {
		q.passed = max(0, q.passed-bulkParts)
	} else if q.bulk.front != nil {
		q.passed++
	}
	if q.passed >= bulkDue {
		q.bulkTurn = true
	} else if q.passed < bulkParts {
		q.bulkTurn = false
	}
	b.charge(-1)
	b.transmit(sequence)
	b.charge(1)
	b.touched = now
	r.queued--
	if b.turn++; b.turnOver() {
		b.turn = 0
		b.list.push(b)
	}
	r.place(b)
	return r.queued == 0
}

// drop forgets a block.
func (r *repairs) drop(b *block) {
	b.leave()
	b.charge(-1)
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
