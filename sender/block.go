package sender

import "fanfare/internal/mono"

// block is the repair state of one source block: of a data object from the first ask on, of
// a control object from the start.
type block struct {
	account
	object *object
	sbn    uint32
	k, n   int
	// called is the goal without a margin, of a block of a data object.
	called uint32
	// touched is when the block was last asked for or sent; due is when it may be sent next.
	touched, due mono.Time
	// soon is the part of the goal that edges which lack a few symbols asked for; it is at most goal.
	soon uint32
	// turn is how many symbols were sent since it was the block's turn in its queue.
	turn int
	// urgentPayer and restPayer pay for what is queued of a block of a data object.
	urgentPayer, restPayer *payer
	// unasked is how many transmissions of a control object are not for an ask.
	unasked uint32

	// held is the block's place in holdback, from 1, since heldAt; 0: it is not there. counted says
	// that it was.
	held    int
	heldAt  mono.Time
	counted bool

	list       *blockList
	prev, next *block
}

// esi returns the encoding symbol of the next transmission. When n runs out it begins again
// with the source symbols.
func (b *block) esi() int { return int(b.sent % uint32(b.n)) }

// blockList is a queue of blocks from whose middle one can be taken out. A block is in one at most.
type blockList struct {
	front, back *block
	length      int
}

// push appends b, which it takes out of the list it is in.
func (l *blockList) push(b *block) {
	b.leave()
	b.list, b.prev, b.next = l, l.back, nil
	if l.back == nil {
		l.front = b
	} else {
		l.back.next = b
	}
	l.back = b
	l.length++
}

// leave takes b out of the list it is in, if any.
func (b *block) leave() {
	l := b.list
	if l == nil {
		return
	}
	if b.prev == nil {
		l.front = b.next
	} else {
		b.prev.next = b.next
	}
	if b.next == nil {
		l.back = b.prev
	} else {
		b.next.prev = b.prev
	}
	l.length--
	b.list, b.prev, b.next = nil, nil, nil
}
