package sender

import "fanfare/fec"

// firstPass walks an object's blocks once, in groups of width blocks whose symbols take
// turns, so that a burst of losses hits each of them a little:
//
//	group of 3, k = 4: (SBN,ESI) 0,0 1,0 2,0  0,1 1,1 2,1  0,2 1,2 2,2  0,3 1,3 2,3 | 3,0 4,0 ...
//
// With proactive repair each block's turns go on for a more, ESI k to k+a-1. A pass of a
// carousel begins at another ESI, and goes round at n.
type firstPass struct {
	part      fec.Partition
	proactive int
	start     int // the ESI at which each block begins
	// position is the first block of the current group: every block below has been sent.
	position uint32
	width    uint32 // blocks in the group, 0 between groups
	lane     uint32 // whose turn it is
	turn     int    // which of its symbols
	// marks has the end of the latest groups; see ended.
	marks []mark
}

// mark says that the group before block end was over with packet sequence.
type mark struct{ end, sequence uint32 }

// maxMarks is how many groups are remembered. An edge asks for a group at most about a
// round trip after it: at 10 Gb/s and 8 blocks a group, 256 of them are half a second.
const maxMarks = 256

func newFirstPass(part fec.Partition, proactive, start int) firstPass {
	start %= int(part.OTI().MaxSymbols)
	return firstPass{part: part, proactive: proactive, start: start}
}

// done reports whether every block has been sent.
func (f *firstPass) done() bool { return f.position >= f.part.Blocks() }

// turns returns how many symbols of a block the first pass sends.
func (f *firstPass) turns(sbn uint32) int {
	k := f.part.SourceSymbols(sbn)
	return k + min(f.proactive, int(f.part.OTI().MaxSymbols)-k)
}

// next returns the symbol to send; width is used when a group begins. Not to be called when done.
func (f *firstPass) next(width int) (sbn uint32, esi int) {
	if f.marks == nil {
		f.marks = make([]mark, 0, min(f.part.Blocks()-f.position, maxMarks))
	}
	if f.width == 0 {
		f.width = min(uint32(width), f.part.Blocks()-f.position)
	}
	return f.position + f.lane, (f.start + f.turn) % int(f.part.OTI().MaxSymbols)
}

// sent says that the symbol that next returned went out in packet sequence.
func (f *firstPass) sent(sequence uint32) {
	// The blocks of a group differ by one symbol at most, and the longest comes first.
	f.lane++
	for f.lane < f.width && f.turn >= f.turns(f.position+f.lane) {
		f.lane++
	}
	if f.lane < f.width {
		return
	}
	f.lane = 0
	f.turn++
	if f.turn < f.turns(f.position) {
		return
	}
	f.position += f.width
	f.width, f.turn = 0, 0
	if len(f.marks) == maxMarks {
		copy(f.marks, f.marks[1:])
		f.marks = f.marks[:maxMarks-1]
	}
	f.marks = append(f.marks, mark{end: f.position, sequence: sequence})
}

// ended reports whether the first pass of a block was over with packet sequence. One that was
// over too long ago to be remembered was.
func (f *firstPass) ended(sbn, sequence uint32) bool {
	if sbn >= f.position {
		return false
	}
	low, high := 0, len(f.marks) // the first mark with end > sbn
	for low < high {
		if mid := (low + high) / 2; f.marks[mid].end > sbn {
			high = mid
		} else {
			low = mid + 1
		}
	}
	oldest := low == 0 && len(f.marks) == maxMarks
	return oldest || low == len(f.marks) || int32(sequence-f.marks[low].sequence) >= 0
}
