package payload

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// scatterRuns is how many runs are open at a time: more than blocks are interleaved.
const scatterRuns = 16

// A run is pieces of memory to be filled with what lies in one file, end to end.
type run struct {
	source *source
	toi    uint32
	start  int64 // offset in the file
	length int64
	pieces [][]byte
	used   uint64 // scatter.clock when it was last added to
}

// A scatter collects reads of single symbols, and does as one system call, preadv, those that lie
// end to end in their file, wherever their bytes go. Symbols of interleaved blocks come by turns, so
// several runs grow at a time. It belongs to a Reader.
type scatter struct {
	runs    [scatterRuns]run
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
func (c *scatter) add(s *source, toi uint32, piece []byte, offset int64) {
	if len(piece) == 0 {
		return
	}
	c.clock++
	oldest := &c.runs[0]
	for i := range c.runs {
		r := &c.runs[i]
		if r.source == s && r.start+r.length == offset {
			r.pieces = append(r.pieces, piece)
			r.length += int64(len(piece))
			r.used = c.clock
			return
		}
		if r.used < oldest.used {
			oldest = r
		}
	}
	c.read(oldest)
	oldest.source, oldest.toi, oldest.start, oldest.length = s, toi, offset, int64(len(piece))
	oldest.pieces, oldest.used = append(oldest.pieces, piece), c.clock
}

// flush reads everything that was added, and returns the objects of which something could not
// be read. The result is valid until the next add.
func (c *scatter) flush() []Failure {
	for i := range c.runs {
		c.read(&c.runs[i])
	}
	failed := c.failed
	c.failed = c.failed[:0]
	return failed
}

// finish reads what was added for a source whose file is about to be closed.
func (c *scatter) finish(s *source) {
	for i := range c.runs {
		if c.runs[i].source == s {
			c.read(&c.runs[i])
		}
	}
}

// read does a run, which is free afterwards.
func (c *scatter) read(r *run) {
	if r.source == nil {
		return
	}
	if !c.readAtOnce(r) {
		offset := r.start
		for _, piece := range r.pieces {
			if err := r.source.readAt(piece, offset); err != nil {
				c.failed = append(c.failed, Failure{r.toi, err})
				break
			}
			offset += int64(len(piece))
		}
	}
	clear(r.pieces)
	r.source, r.pieces, r.used = nil, r.pieces[:0], 0
}

// readAtOnce is one preadv. It reports false if that did not fill every piece.
func (c *scatter) readAtOnce(r *run) bool {
	if len(r.pieces) == 1 {
		return false
	}
	c.vectors = c.vectors[:0]
	for _, piece := range r.pieces {
		v := unix.Iovec{Base: &piece[0]}
		v.SetLen(len(piece))
		c.vectors = append(c.vectors, v)
	}
	n, _, errno := unix.Syscall6(unix.SYS_PREADV, r.source.file.Fd(), uintptr(unsafe.Pointer(&c.vectors[0])),
		uintptr(len(c.vectors)), uintptr(r.start), uintptr(r.start>>32), 0)
	clear(c.vectors)
	return errno == 0 && int64(n) == r.length
}
