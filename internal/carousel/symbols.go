package carousel

import (
	"math"

	"fanfare/fec"
	"fanfare/internal/wire"
	"fanfare/sender"
)

const (
	// entryCopies is how often the sender sends an entry of one symbol. entrySpare and bundleSpare are
	// how many repair symbols a longer one and the blocks of bundles get beyond the share: in small
	// blocks one more or less decides, in others they cost a hundredth.
	entryCopies = 3
	entrySpare  = 4
	bundleSpare = 2
	// symbolOverhead is about what a packet has beside its symbol, in bytes.
	symbolOverhead = 64
)

// Unasked returns how many repair symbols are to follow each block of an object if proactive is
// their share: a value for sender.ObjectInfo.Proactive.
func Unasked(proactive float64, toi uint32, oti fec.OTI) int {
	partition, err := oti.Partition()
	if err != nil {
		return sender.NoProactive // Add says what is wrong
	}
	k := partition.SourceSymbols(0)
	n := int(math.Ceil(proactive * float64(k)))
	switch {
	case wire.IsControl(toi):
		n += entrySpare
	case proactive > 0:
		n += bundleSpare
	}
	if n = min(n, int(oti.MaxSymbols)-k); n > 0 {
		return n
	}
	return sender.NoProactive
}

// MaxBlock returns how many source symbols a block may have: as many as leave room for the share of
// repair symbols, and for some fresh ones in the next cycle.
func MaxBlock(proactive float64) uint16 {
	for _, k := range []float64{200, 160, 128} {
		if k*(1+proactive) <= 0.95*fec.MaxSymbols {
			return uint16(k)
		}
	}
	return 96
}

// Entry returns an entry as it is to be sent again, and about how many bytes that takes.
func Entry(proactive float64, sequence uint64, oti fec.OTI) (info sender.ObjectInfo, bytes uint64) {
	info = sender.ObjectInfo{TOI: wire.ControlTOI(sequence), OTI: oti}
	info.Proactive = Unasked(proactive, info.TOI, oti)
	symbols := entryCopies
	if oti.MaxBlock > 1 {
		symbols = int(oti.MaxBlock) + max(info.Proactive, 0)
	}
	return info, uint64(symbols) * uint64(oti.SymbolLength+symbolOverhead)
}

// Bundle returns a bundle as it is to be sent in a cycle, and about how many bytes that takes; ok is
// false for an empty one. Each cycle begins behind the symbols of the one before.
func Bundle(proactive float64, s Step, oti fec.OTI) (info sender.ObjectInfo, bytes uint64, ok bool) {
	partition, err := oti.Partition()
	if err != nil || partition.Blocks() == 0 {
		return info, 0, false
	}
	info = sender.ObjectInfo{TOI: wire.DataTOI(s.Sequence), OTI: oti, Priority: sender.Background}
	info.Proactive = Unasked(proactive, info.TOI, oti)
	k, extra := partition.SourceSymbols(0), max(info.Proactive, 0)
	n := uint64(oti.MaxSymbols)
	info.Start = int(s.Cycle % n * uint64(k+extra) % n)
	symbols := float64(oti.TransferLength) / float64(oti.SymbolLength) * (1 + float64(extra)/float64(k))
	return info, uint64(symbols * float64(oti.SymbolLength+symbolOverhead)), true
}
