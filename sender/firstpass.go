package sender

import (
	"fanfare/fec"
	"fanfare/internal/mono"
)

// firstPass walks an object's blocks once, in groups of width blocks whose symbols take
// turns, so that a burst of losses hits each of them a little:
//
//	group of 3, k = 4: (SBN,ESI) 0,0 1,0 2,0  0,1 1,1 2,1  0,2 1,2 2,2  0,3 1,3 2,3 | 3,0 4,0 ...
//
// With proactive repair each block's turns go on for a more, ESI k to k+a-1, where a may differ
// from group to group, and by one inside a group (see unasked). A pass of a carousel begins at
// another ESI, and goes round at n.
type firstPass struct {
	part  fec.Partition
	start int // the ESI at which each block begins
	// position is the first block of the current group: every block below has been sent.
	position uint32
	width    uint32 // blocks in the group, 0 between groups
	lane     uint32 // whose turn it is
	turn     int    // which of its symbols
	// extra is what follows the source symbols in the current group, most the largest that any
	// block got.
	extra extra
	most  int
	// marks has the end of the latest groups; see ended. Of the first judged of them it is known
	// whether what followed was enough; see unasked.
	marks  []mark
	judged int
}

// mark says that the group of width blocks before block end was over with packet sequence, and
// when.
type mark struct {
	end, sequence uint32
	at            mono.Time
	width         uint8
	extra         extra
}

// extra is how many repair symbols follow the source symbols of each block of a group: each, and one
// more in the first more blocks.
type extra struct{ each, more uint8 }

// in returns how many follow in one block of the group.
func (x extra) in(lane uint32) int {
	if lane < uint32(x.more) {
		return int(x.each) + 1
	}
	return int(x.each)
}

// maxMarks is how many groups are remembered. An edge asks for a group at most about a
// round trip after it: at 10 Gb/s and 8 blocks a group, 256 of them are half a second.
const maxMarks = 256

func newFirstPass(part fec.Partition, start int) firstPass {
	start %= int(part.OTI().MaxSymbols)
	return firstPass{part: part, start: start}
}

// done reports whether every block has been sent.
func (f *firstPass) done() bool { return f.position >= f.part.Blocks() }

// symbols returns how many symbols of a block the pass sends if some follow the source symbols.
func (f *firstPass) symbols(sbn uint32, extra int) int {
	k := f.part.SourceSymbols(sbn)
	return k + min(extra, int(f.part.OTI().MaxSymbols)-k)
}

// turns is symbols of a block in the current group.
func (f *firstPass) turns(lane uint32) int {
	return f.symbols(f.position+lane, f.extra.in(lane))
}

// transmitted returns how many symbols of a block the pass has sent, or, if that is not known any
// more, the most it can be: what is sent then is fresh in any case.
func (f *firstPass) transmitted(sbn uint32) int {
	if m := f.mark(sbn); m < len(f.marks) {
		if first := f.marks[m].end - uint32(f.marks[m].width); sbn >= first {
			return f.symbols(sbn, f.marks[m].extra.in(sbn-first))
		}
	}
	return f.symbols(sbn, f.most)
}

// between reports whether no group has begun.
func (f *firstPass) between() bool { return f.width == 0 }

// begin begins a group of at most width blocks, which some repair symbols follow.
func (f *firstPass) begin(width uint32, follow extra) {
	if f.marks == nil {
		f.marks = make([]mark, 0, min(f.part.Blocks()-f.position, maxMarks))
	}
	f.width = min(width, f.part.Blocks()-f.position)
	f.extra = follow
	f.most = max(f.most, follow.in(0))
}

// next returns the symbol to send. Not to be called when done, or between groups.
func (f *firstPass) next() (sbn uint32, esi int) {
	return f.position + f.lane, (f.start + f.turn) % int(f.part.OTI().MaxSymbols)
}

// sent says that the symbol that next returned went out in packet sequence.
func (f *firstPass) sent(now mono.Time, sequence uint32) {
	// The blocks of a group differ by a symbol or two, and the longest come first.
	f.lane++
	for f.lane < f.width && f.turn >= f.turns(f.lane) {
		f.lane++
	}
	if f.lane < f.width {
		return
	}
	f.lane = 0
	f.turn++
	if f.turn < f.turns(0) {
		return
	}
	f.position += f.width
	m := mark{end: f.position, sequence: sequence, at: now, width: uint8(f.width), extra: f.extra}
	f.width, f.turn = 0, 0
	if len(f.marks) == maxMarks {
		copy(f.marks, f.marks[1:])
		f.marks = f.marks[:maxMarks-1]
		f.judged = max(f.judged-1, 0)
	}
	f.marks = append(f.marks, m)
}

// ended reports whether the first pass of a block was over with packet sequence. One that was
// over too long ago to be remembered was.
func (f *firstPass) ended(sbn, sequence uint32) bool {
	if sbn >= f.position {
		return false
	}
	m := f.mark(sbn)
	oldest := m == 0 && len(f.marks) == maxMarks
	return oldest || m == len(f.marks) || int32(sequence-f.marks[m].sequence) >= 0
}

// mark returns the index of the first mark with end > sbn.
func (f *firstPass) mark(sbn uint32) int {
	low, high := 0, len(f.marks)
	for low < high {
		if mid := (low + high) / 2; f.marks[mid].end > sbn {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}
