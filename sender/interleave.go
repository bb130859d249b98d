package sender

import (
	"slices"
	"time"

	"fanfare/internal/wire"
)

// Interleaving: as many blocks take turns as the path holds, or as take apart the bursts in which
// packets are lost, within limits. While no edge loses anything to speak of blocks go one by one:
// then a train of packets is one piece of the file, and an edge has a block together while it is in
// its processor's cache (1.17 CPU seconds a GB where eight blocks that took turns were 1.47).
const (
	interleaveRTT = 20 * time.Millisecond
	// burstLeast is a run of lost packets that one block can well bear, in thousandths of a packet:
	// losses of 20 % that are independent come in runs of 1.25 on average. Of longer ones
	// burstSpread times the mean take turns, since many runs are longer than the mean.
	burstLeast  = 2000
	burstSpread = 1.6
	// burstLoss is the loss in packets per million below which an edge is clean and its bursts do
	// not matter, burstPercent the share of the others whose bursts are taken apart.
	burstLoss    = 500
	burstPercent = 95
	// cleanBlocks of an object are sent before its blocks go one by one: what edges reported when
	// there was little to receive says little.
	cleanBlocks = 2 * wire.MaxInterleave
)

// bursts knows how long runs of lost packets are at the edges.
type bursts struct {
	milli uint32 // of nearly all edges at most
	// clean says that there are edges, and that none reports losses.
	clean bool
	// learned is the width for which proactive repair has learned what blocks need.
	learned float64
	scratch []uint32
}

// width returns how many blocks should take turns so that bursts do no harm.
func (b *bursts) width() float64 {
	if b.milli <= burstLeast {
		return 1
	}
	return min(burstSpread*float64(b.milli)/1000, wire.MaxInterleave)
}

// survey looks at what the edges have reported. It reports whether bursts do so much more or less harm
// from now on that what blocks needed so far says little about those to come.
func (b *bursts) survey(s *edges) (changed bool) {
	b.scratch, b.clean = b.scratch[:0], len(s.table) > s.demoted
	for _, e := range s.table { // the order cannot be seen
		if e.LossPPM < burstLoss || e.Demoted {
			continue
		}
		b.clean = false
		if e.burstMilli > 0 {
			b.scratch = append(b.scratch, e.burstMilli)
		}
	}
	b.milli = 0
	if n := len(b.scratch); n > 0 {
		slices.Sort(b.scratch)
		b.milli = b.scratch[(n*burstPercent+99)/100-1]
	}
	if w := b.width(); w >= 2*b.learned || w <= b.learned/2 {
		b.learned, changed = w, true
	}
	return changed
}

// interleave returns how many blocks of an object take turns in the group that begins now. The groups
// that are left are of about the same width, since one of a single block would bear each burst alone.
func (e *Engine) interleave(o *object) int {
	oti := o.part.OTI()
	block := float64(o.part.SourceSymbols(0)) * float64(oti.SymbolLength)
	rtt := max(e.grtt.estimate(), interleaveRTT)
	blocks := e.rate.current / 8 * rtt.Seconds() / block
	width := int(min(max(blocks, e.bursts.width()), wire.MaxInterleave))
	if e.bursts.clean && o.pass.position >= cleanBlocks && !e.repairs.asked(o) {
		width = 1
	}
	if e.cfg.OneWay {
		blocks = float64(e.cfg.Rate) / 8 * oneWaySpread.Seconds() / block
		width = int(min(max(blocks, wire.MaxInterleave), oneWayInterleave))
	}
	left := int(o.part.Blocks() - o.pass.position)
	groups := (left + width - 1) / width
	return (left + groups - 1) / groups
}
