package receiver

import (
	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// object is what the engine holds of an object that is not whole. It is proportional to what is
// missing: whole blocks are runs, and only blocks with a symbol or an ask have state.
type object struct {
	toi  uint32
	part fec.Partition
	// known says that part is: not so for a control object of which only the sequence is
	// known. expected says that Expect was called.
	known, expected bool
	// position is the end of the blocks that are due: every one below has been sent once.
	position uint32
	whole    ranges
	// poisoned are blocks that failed and wait for Supply.
	poisoned ranges
	// open has the blocks with state, by SBN.
	open []*block
	// recent is the index in open where the last symbol went.
	recent int
	// wanted counts the open blocks that are wanted.
	wanted int
	// heard is when the last symbol came.
	heard mono.Time
}

// blocks returns the number of source blocks; 1 for a control object not yet known.
func (o *object) blocks() uint32 {
	if !o.known {
		return 1
	}
	return o.part.Blocks()
}

// find returns the index in open of a block, or where it would be, and whether it is there.
func (o *object) find(sbn uint32) (int, bool) {
	// Interleaved blocks take turns, so the next is near the last.
	for i := o.recent; i < min(o.recent+2, len(o.open)); i++ {
		if o.open[i].sbn == sbn {
			return i, true
		}
	}
	low, high := 0, len(o.open)
	for low < high {
		if mid := (low + high) / 2; o.open[mid].sbn < sbn {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < len(o.open) && o.open[low].sbn == sbn
}

// passed says that every block below sbn has been sent; it reports whether that is news.
func (o *object) passed(sbn uint32) bool {
	sbn = min(sbn, o.blocks())
	if sbn <= o.position {
		return false
	}
	o.position = sbn
	return true
}

// finished reports whether all blocks are whole.
func (o *object) finished() bool { return o.known && o.whole.count == o.part.Blocks() }

// learn sets how the object is cut, if that is not known.
func (o *object) learn(part fec.Partition) {
	if o.known {
		return
	}
	o.part, o.known = part, true
	for _, b := range o.open { // block 0 at most, asked for by number alone
		b.k = uint16(part.SourceSymbols(b.sbn))
	}
}

// fits reports whether a packet agrees with what is known of the object.
func (o *object) fits(p *wire.Packet) bool {
	k := o.part.SourceSymbols(p.SBN)
	oti := o.part.OTI()
	return k > 0 && k == int(p.SourceBlockLength) && p.ESI < oti.MaxSymbols && (!p.HasOTI || p.OTI == oti)
}
