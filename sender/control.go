package sender

import (
	"time"

	"fanfare/internal/mono"
)

// controlQueue sends control objects: each the moment it is added, one of a single symbol
// three times, since the copies come sooner than any repair could; and again when asked.
type controlQueue struct {
	// ready blocks have symbols to send now, waiting ones copies that are due later; the
	// interval is always the same, so that the first is due first.
	ready, waiting blockList
}

const (
	// controlCopies is how often the symbol of a one-symbol control object is sent: at 10 %
	// loss and 40 ms round trip that takes the p99 of a purge from 170 ms to 30.
	controlCopies = 3
	// copyInterval parts the copies, so that one burst of losses does not take them all.
	copyInterval = 5 * time.Millisecond
)

// add queues the only block of a new control object, of which nothing was sent.
func (q *controlQueue) add(b *block) {
	q.ready.push(b)
}

// goalOf returns how many symbols of a control object of k source symbols go out unasked.
func goalOf(k, n, proactive int) int {
	if k == 1 {
		return controlCopies
	}
	return min(k+proactive, n)
}

// ask raises the goal for an edge; it reports whether that changed anything.
func (q *controlQueue) ask(b *block, seen uint32, need int) bool {
	if b.ask(seen, need) == 0 {
		return false
	}
	if b.list == nil {
		q.ready.push(b)
	}
	return true
}

// next returns the block to send a symbol of, nil if there is none now.
func (q *controlQueue) next(now mono.Time) *block {
	if q.ready.front != nil {
		return q.ready.front
	}
	if b := q.waiting.front; b != nil && b.due <= now {
		return b
	}
	return nil
}

// sent says that the block's next symbol went out. It reports whether the last block that
// had to go at once is gone.
func (q *controlQueue) sent(now mono.Time, b *block, sequence uint32) (drained bool) {
	atOnce := b.list == &q.ready
	b.transmit(sequence)
	switch {
	case b.outstanding() == 0:
		b.leave()
	case b.k == 1 && b.sent < controlCopies:
		b.due = now.Add(copyInterval)
		q.waiting.push(b)
	case b.list == &q.waiting:
		q.ready.push(b)
	}
	return atOnce && q.ready.front == nil
}

// timeout returns when next will have something.
func (q *controlQueue) timeout() mono.Time {
	switch {
	case q.ready.front != nil:
		return q.ready.front.touched
	case q.waiting.front != nil:
		return q.waiting.front.due
	}
	return mono.Never
}
