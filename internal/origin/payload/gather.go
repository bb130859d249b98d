package payload

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// gatherRuns is how many runs are open at a time: more than blocks are interleaved.
const gatherRuns = 16

// A run is pieces of memory to be filled with what lies in one file, end to end.
type run struct {
	source *source
	toi    uint32
	start  int64 // offset in the file
	length int64
	pieces [][]byte
	used   uint64 // gather.clock when it was last added to
}

// A gather collects reads of single symbols, and does as one system call those that lie end to
// end in their file, wherever their bytes go. Symbols of interleaved blocks come by turns, so
// several runs grow at a time. It belongs to a Reader.
type gather struct {
	runs    [gatherRuns]run
	clock   uint64
	vectors []unix.Iovec
	failed  []Failure
}

// Failure is an object that could not be read.
type Failure struct {
	TOI uint32
	Err error
}

// add has piece filled, by the next flush, with what is at offset.
func (g *gather) add(s *source, toi uint32, piece []byte, offset int64) {
	if len(piece) == 0 {
		return
	}
	g.clock++
	oldest := &g.runs[0]
	for i := range g.runs {
		r := &g.runs[i]
		if r.source == s && r.start+r.length == offset {
			r.pieces = append(r.pieces, piece)
			r.length += int64(len(piece))
			r.used = g.clock
			return
		}
		if r.used < oldest.used {
			oldest = r
		}
	}
	g.read(oldest)
	oldest.source, oldest.toi, oldest.start, oldest.length = s, toi, offset, int64(len(piece))
	oldest.pieces, oldest.used = append(oldest.pieces, piece), g.clock
}

// flush reads everything that was added, and returns the objects of which something could not
// be read. The result is valid until the next add.
func (g *gather) flush() []Failure {
	for i := range g.runs {
		g.read(&g.runs[i])
	}
	failed := g.failed
	g.failed = g.failed[:0]
	return failed
}

// finish reads what was added for a source whose file is about to be closed.
func (g *gather) finish(s *source) {
	for i := range g.runs {
		if g.runs[i].source == s {
			g.read(&g.runs[i])
		}
	}
}

// read does a run, which is free afterwards.
func (g *gather) read(r *run) {
	if r.source == nil {
		return
	}
	if !g.readAtOnce(r) {
		offset := r.start
		for _, piece := range r.pieces {
			if err := r.source.readAt(piece, offset); err != nil {
				g.failed = append(g.failed, Failure{r.toi, err})
				break
			}
			offset += int64(len(piece))
		}
	}
	clear(r.pieces)
	r.source, r.pieces, r.used = nil, r.pieces[:0], 0
}

// readAtOnce is one preadv. It reports false if that did not fill every piece.
func (g *gather) readAtOnce(r *run) bool {
	if len(r.pieces) == 1 {
		return false
	}
	g.vectors = g.vectors[:0]
	for _, piece := range r.pieces {
		v := unix.Iovec{Base: &piece[0]}
		v.SetLen(len(piece))
		g.vectors = append(g.vectors, v)
	}
	n, _, errno := unix.Syscall6(unix.SYS_PREADV, r.source.file.Fd(), uintptr(unsafe.Pointer(&g.vectors[0])),
		uintptr(len(g.vectors)), uintptr(r.start), uintptr(r.start>>32), 0)
	clear(g.vectors)
	return errno == 0 && int64(n) == r.length
}
