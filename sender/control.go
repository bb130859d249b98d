package sender

import (
	"time"

	"fanfare/internal/mono"
)

// controlQueue sends control objects: each the moment it is added, one of a single symbol
// three times or more, since the copies come sooner than any repair could; and again when asked.
type controlQueue struct {
	// ready blocks have symbols to send now, waiting ones copies that are due later; the
	// interval is always the same, so that the first is due first.
	ready, waiting blockList
	// asked blocks have symbols to send because edges asked. They are sent at once too, as long as
	// they do not take more than askedShare of the rate; paid is until when they have.
	asked blockList
	paid  mono.Time
	// perByte is nanoseconds a byte takes at askedShare, burst what may be sent before that counts.
	perByte float64
	burst   time.Duration
}

const (
	// controlCopies is how often the symbol of a one-symbol control object is sent at least: at 10 %
	// loss and 40 ms round trip that takes the p99 of a purge from 170 ms to 30. More copies, up to
	// mostCopies, keep the mean number of edges that lose all of them below copiesRisk.
	controlCopies = 3
	mostCopies    = 6
	copiesRisk    = 0.001
	// copyInterval parts the copies, so that one burst of losses does not take them all.
	copyInterval = 5 * time.Millisecond
	// askedShare is the part of the rate that control objects may take because edges ask for them: one
	// part in so many. An edge asks for 64 entries at most, and fetches more by unicast.
	askedShare = 4
)

func newControlQueue(p *pacer) controlQueue {
	return controlQueue{perByte: askedShare * p.perByte, burst: p.duration(askedShare * burstBytes)}
}

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
		q.asked.push(b)
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
	if b := q.asked.front; b != nil && q.share() <= now {
		return b
	}
	return nil
}

// share returns when asked blocks may be sent.
func (q *controlQueue) share() mono.Time { return q.paid - mono.Time(q.burst) }

// sent says that the block's next symbol went out. It reports whether the last block that
// had to go at once is gone.
func (q *controlQueue) sent(now mono.Time, b *block, sequence uint32) (drained bool) {
	atOnce := b.list != &q.waiting
	if b.list == &q.asked {
		bytes := float64(b.object.part.OTI().SymbolLength)
		q.paid = max(q.paid, now).Add(time.Duration(bytes * q.perByte))
	}
	b.transmit(sequence)
	switch {
	case b.outstanding() == 0:
		b.leave()
	case b.sent >= b.unasked:
		if b.list != &q.asked {
			q.asked.push(b)
		}
	case b.k == 1:
		b.due = now.Add(copyInterval)
		q.waiting.push(b)
	}
	return atOnce && q.ready.front == nil && q.asked.front == nil
}

// timeout returns when next will have something.
func (q *controlQueue) timeout() mono.Time {
	switch {
	case q.ready.front != nil:
		return q.ready.front.touched
	case q.waiting.front != nil && q.asked.front != nil:
		return min(q.waiting.front.due, q.share())
	case q.waiting.front != nil:
		return q.waiting.front.due
	case q.asked.front != nil:
		return q.share()
	}
	return mono.Never
}
