package receiver

import "slices"

// blockPool makes and takes back the open blocks of all objects, and keeps their number
// within a limit.
type blockPool struct {
	limit int
	// reserve is how many of them only blocks that are asked for may take, so that new data
	// cannot keep the oldest blocks from being repaired.
	reserve int
	inUse   int
	free    []*block
}

// room reports whether one more block may be opened to ask for it.
func (p *blockPool) room() bool { return p.inUse < p.limit }

// roomFor reports whether one more block may be opened for a symbol of o. Objects that no one
// expects, which may be forged, take the first half at most.
func (p *blockPool) roomFor(o *object) bool {
	if !o.expected {
		return p.inUse < p.limit/2
	}
	return p.inUse < p.limit-p.reserve
}

// open makes the state of a block and puts it at index i of o.open.
func (p *blockPool) open(o *object, i int, sbn uint32) *block {
	if len(p.free) == 0 {
		slab := make([]block, 8)
		for i := range slab {
			p.free = append(p.free, &slab[i])
		}
	}
	b := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	*b = block{sbn: sbn, k: uint16(o.part.SourceSymbols(sbn))}
	o.open = slices.Insert(o.open, i, b)
	p.inUse++
	return b
}

// close takes back the block at index i of o.open.
func (p *blockPool) close(o *object, i int) {
	p.free = append(p.free, o.open[i])
	o.open = slices.Delete(o.open, i, i+1)
	p.inUse--
}
