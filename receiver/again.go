package receiver

import (
	"time"

	"fanfare/internal/mono"
)

const (
	// againGroup is the largest group in which an ask is made twice if the end of an object waits for
	// it. If one alone is lost that costs a round trip and more: the p99 of the tail was 73 ms instead
	// of 52 (4 edges, 10 % loss both ways, round trip 20 ms). The sender's account takes two for one.
	againGroup = 16
	// againAfter parts the two, so that one burst of losses does not take both.
	againAfter = time.Millisecond
	// againBlocks is how many blocks before the end of the first pass the end of an object begins.
	againBlocks = 16
	// againMost is how many symbols a block may lack: one that lacks more is not nearly done.
	againMost = 32
)

// repeat has the ask that was just made for symbols of a block made once more, if the object waits
// for little but repair.
func (e *Engine) repeat(now mono.Time, o *object, b *block, symbols uint16) {
	if e.sender.edges > againGroup || o.position+againBlocks < o.blocks() || b.need() > againMost {
		return
	}
	b.again, b.symbolsAsked = true, symbols
	b.wanted, b.due = true, now.Add(againAfter)
	o.wanted++
	e.asking.wanted++
}
