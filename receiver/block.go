package receiver

import (
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// block is the state of a source block that has a symbol, or was asked for, and is not whole.
type block struct {
	sbn uint32
	// k is the number of source symbols; 0 in a control object whose OTI is not known.
	k uint16
	// have counts the different symbols kept, symbols has a bit for each ESI.
	have    uint16
	symbols [4]uint64
	// repaired says that a repair symbol is among them, ready that BlockReady was given out.
	repaired, ready bool

	// wanted says that the block is to be asked for when the back-off is over.
	wanted bool
	// due is when its back-off is over, Never as long as it has not begun.
	due mono.Time
	// asks counts how often it was asked for; asked and counter are the time and the feedback
	// counter of the last.
	asks uint8
	// again says that it is wanted only to repeat the last ask, for symbolsAsked; see repeat.
	again        bool
	symbolsAsked uint16
	asked        mono.Time
	counter      uint64

	// fails counts the bad results, and the block is not asked for before retry.
	fails uint8
	retry mono.Time

	// outstanding is what heartbeat number beat said is still to be sent of the block.
	outstanding uint16
	beat        uint32
}

// need is how many more symbols, source or repair, make the block decodable; 0 means it is.
// It only falls, but for a bad result, which empties the block.
func (b *block) need() int {
	if b.k == 0 {
		return 1
	}
	return int(b.k - b.have)
}

// want returns how many symbols to ask for. From the second ask on some are asked for beyond
// the need: that took the p99 of a repair from 182 to 99 ms (4 edges, 10 % loss) for 0.8 %
// more bytes. While heartbeat number beat says that some are still to come, the exact need
// has time enough.
func (b *block) want(beat uint32) uint16 {
	if b.k == 0 {
		return wire.NeedAll
	}
	need := b.need()
	coming := b.beat == beat && b.outstanding > 0
	if b.asks > 0 && !coming {
		need += (need + 1) / 2
	}
	return uint16(min(need, int(b.k)))
}

// add keeps a symbol; it returns false if the block has it.
func (b *block) add(esi uint16) bool {
	bit := uint64(1) << (esi % 64)
	if b.symbols[esi/64]&bit != 0 {
		return false
	}
	b.symbols[esi/64] |= bit
	b.have++
	if esi >= b.k {
		b.repaired = true
	}
	return true
}

// fail forgets the symbols of a block that gave a bad result. The first time it is asked for anew
// at once, then after a pause that doubles: what the sender has may be damaged for good.
func (b *block) fail(now mono.Time) {
	*b = block{sbn: b.sbn, k: b.k, fails: min(b.fails, 254) + 1, retry: now}
	if b.fails > 1 {
		b.retry = now.Add(min(failPause<<min(b.fails-2, 16), failPauseMost))
	}
}

const (
	failPause     = 20 * time.Millisecond
	failPauseMost = 10 * time.Second
)
