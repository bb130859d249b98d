package sender

import (
	"time"

	"fanfare/internal/mono"
)

// holdback keeps new data back while edges have too many blocks that they cannot finish: blocks that
// were asked for, and of which symbols are still to be sent or too young for a further ask to have
// come. Those lie in the edges' memory. Repair is never held back, so that they get fewer.
//
// Only what an edge lacks little of counts: of a block that it was not there for it holds nothing. The
// asks of demoted edges and of outliers are not answered, and do not count either. No block counts for
// long, whatever is asked: an edge that dies, or asks for ever, cannot stop new data.
type holdback struct {
	// most is Config.MaxUnfinished, 0 for as many as fit into unfinishedBytes.
	most  int
	list  []*block
	bytes int64
	// scanned is when the list was last looked through; holding says that new data was held back
	// when something to send was last looked for.
	scanned mono.Time
	holding bool
}

const (
	// unfinishedBytes is what edges hold of open blocks by default, unfinishedBlocks how many.
	unfinishedBytes  = 64 << 20
	unfinishedBlocks = 4096
	// holdLongest is how long a block counts at most, or holdTrips round trips.
	holdLongest = time.Second
	holdTrips   = 8
	// scanInterval is the least between two looks through the list.
	scanInterval = 2 * time.Millisecond
)

// add begins to count a block, if it has not been counted before: one that was asked for again
// after it had counted for long could otherwise stop new data, and with it what would follow.
func (h *holdback) add(now mono.Time, b *block) {
	if !b.counted {
		b.counted = true
		h.list = append(h.list, b)
		h.bytes += b.length()
		b.held, b.heldAt = len(h.list), now
	}
}

// remove ends it.
func (h *holdback) remove(b *block) {
	if b.held == 0 {
		return
	}
	last := len(h.list) - 1
	moved := h.list[last]
	h.list[b.held-1], moved.held = moved, b.held
	h.list[last] = nil
	h.list = h.list[:last]
	h.bytes -= b.length()
	b.held = 0
}

// over reports whether too many blocks count.
func (h *holdback) over() bool {
	if h.most > 0 {
		return len(h.list) >= h.most
	}
	return h.bytes >= unfinishedBytes || len(h.list) >= unfinishedBlocks
}

// holds reports whether new data must wait, in a group of a round trip.
func (h *holdback) holds(now mono.Time, grtt time.Duration) bool {
	if h.over() && now.Sub(h.scanned) >= scanInterval {
		h.scan(now, grtt)
	}
	h.holding = h.over()
	return h.holding
}

// scan drops the blocks that are finished as far as is known, or have counted for long enough.
func (h *holdback) scan(now mono.Time, grtt time.Duration) {
	h.scanned = now
	settled := grtt + max(min(grtt, idleLongest), repairingInterval)
	longest := max(holdLongest, holdTrips*grtt)
	for i := len(h.list) - 1; i >= 0; i-- {
		b := h.list[i]
		if b.outstanding() == 0 && now.Sub(b.touched) > settled || now.Sub(b.heldAt) > longest {
			h.remove(b)
		}
	}
}

// again returns when to look whether new data still has to wait.
func (h *holdback) again() mono.Time { return h.scanned.Add(scanInterval) }

// length returns how many bytes the source symbols of a block are.
func (b *block) length() int64 { return int64(b.k) * int64(b.object.part.OTI().SymbolLength) }

// hold counts a block of a data object that was asked for, if it is young and little of it is lacking.
func (e *Engine) hold(now mono.Time, b *block, need int) {
	if !b.counted && need <= max(b.k/2, bulkLeast) && !b.object.sent &&
		e.behind(now, b.object, b.sbn) < holdLongest+e.grtt.estimate() {
		e.repairs.hold.add(now, b)
	}
}
