package blake3

import "math/bits"

const (
	chunkSize = 1024
	blockSize = 64
	valueSize = 32 // of a chaining value
	// lanes is how many inputs compress16 takes.
	lanes = 16
	// maxChunks is how many chunks are turned into chaining values before these are joined: the
	// fewer, the emptier are the lanes of the last joins.
	maxChunks = 256
)

// Flags of a compression (§2.1 of the specification).
const (
	chunkStart = 1 << iota
	chunkEnd
	parent
	root
)

// A job is 16 inputs of blocks blocks of 64 bytes each, stride bytes apart, and what becomes of
// them: 16 chaining values, one behind the other. Its layout is known to lanes_amd64.s.
type job struct {
	in, out        *byte
	stride, blocks uint64
	// counter is that of the first input. If increment is all ones the others have the next ones,
	// which does not carry out of 32 bits; if it is 0, the same.
	counter   uint64
	increment uint32
	// flags are those of every block, first and last are added for the first and the last one.
	flags, first, last uint32
	// length is that of the last block, in bytes.
	length uint32
}

// values are chaining values, with room for what compress16 reads and writes beyond those meant.
type values [(maxChunks + lanes) * valueSize]byte

// chunks writes the chaining values of up to 16 whole chunks at in, of which 16 are readable, to
// position at.
func (v *values) chunks(in []byte, counter uint64, at int) {
	_ = in[lanes*chunkSize-1]
	compress16(&job{
		in: &in[0], out: &v[at*valueSize], stride: chunkSize, blocks: chunkSize / blockSize,
		counter: counter, increment: ^uint32(0), first: chunkStart, last: chunkEnd, length: blockSize,
	})
}

// partial writes the chaining value of a chunk that is not whole, nor empty, to position at.
func (v *values) partial(in []byte, counter uint64, at int) {
	// As blocks of one input follow each other, so do inputs here, one block apart: only the first is meant.
	var whole [chunkSize + lanes*blockSize]byte
	n := copy(whole[:], in)
	blocks := (n + blockSize - 1) / blockSize
	compress16(&job{
		in: &whole[0], out: &v[at*valueSize], stride: blockSize, blocks: uint64(blocks),
		counter: counter, first: chunkStart, last: chunkEnd, length: uint32(n - (blocks-1)*blockSize),
	})
}

// join replaces the first n values by those of their parents, until one is left. Of an odd
// number the last has no sibling, and moves up.
func (v *values) join(n int, flags uint32) {
	for n > 1 {
		pairs := n / 2
		var single [valueSize]byte
		copy(single[:], v[(n-1)*valueSize:])
		more := uint32(0)
		if n == 2 {
			more = flags
		}
		for i := 0; i < pairs; i += lanes {
			compress16(&job{
				in: &v[i*2*valueSize], out: &v[i*valueSize], stride: 2 * valueSize, blocks: 1,
				flags: parent, last: more, length: blockSize,
			})
		}
		if n%2 != 0 {
			copy(v[pairs*valueSize:], single[:])
		}
		n = pairs + n%2
	}
}

// A stack has the chaining values of the subtrees to the left, the largest first.
type stack struct {
	values [64][valueSize]byte
	depth  int
}

// settle joins subtrees that are complete when so many chunks are in the stack: one is left for each bit.
func (s *stack) settle(chunks uint64, v *values) {
	for s.depth > bits.OnesCount64(chunks) {
		s.depth--
		copy(v[:], s.values[s.depth-1][:])
		copy(v[valueSize:], s.values[s.depth][:])
		v.join(2, 0)
		copy(s.values[s.depth-1][:], v[:])
	}
}
