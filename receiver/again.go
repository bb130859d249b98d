package receiver

import (
	"time"

	"fanfare/internal/mono"
)

const (
	// againGroup is the largest group in which an ask that an object's end waits for is made twice at
	// once: that one is lost costs a round trip and more, and took the p99 of the tail from 52 to 73 ms
	// (4 edges, 10 % loss both ways, round trip 20 ms). The sender's account takes two for one.
	againGroup = 16
	// againAfter parts the two, so that one burst of losses does not take both.
	againAfter = time.Millisecond
	// againBlocks before the end of the first pass the end of the object is near.
	againBlocks = 16
	// againMost is how many symbols a block may lack: who lacks more is not nearly done.
	againMost = 32
)

// repeat has a block that has just been asked for asked for once more, if its object waits for little
// but repair.
func (e *Engine) repeat(now mono.Time, o *object, b *block, symbols uint16) {
	if e.sender.edges > againGroup || o.position+againBlocks < o.blocks() || b.need() > againMost {
		return
	}
	b.again, b.symbolsAsked = true, symbols
	b.wanted, b.due = true, now.Add(againAfter)
	o.wanted++
	e.asking.wanted++
}
