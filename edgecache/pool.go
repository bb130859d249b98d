package edgecache

import "sync/atomic"

// A pool hands out byte buffers up to a limit and keeps those that come back for the next
// one of their size. The loop owns it.
type pool struct {
	limit int64 // bytes, free buffers included
	used  int64
	step  int // sizes are rounded up to a multiple of it
	free  map[int][][]byte
	gauge *atomic.Int64 // used, summed over the pools that share it
}

func newPool(limit int64, step int, gauge *atomic.Int64) *pool {
	return &pool{limit: limit, step: step, free: map[int][][]byte{}, gauge: gauge}
}

// get returns a buffer of n bytes, of any content, or nil if it would pass the limit. A
// pool of which nothing is in use always has one buffer, however small its limit is.
func (p *pool) get(n int) []byte {
	size := (n + p.step - 1) / p.step * p.step
	if list := p.free[size]; len(list) > 0 {
		b := list[len(list)-1]
		p.free[size] = list[:len(list)-1]
		return b[:n]
	}
	if p.used+int64(size) > p.limit {
		p.trim(p.used + int64(size) - p.limit)
		if p.used > 0 && p.used+int64(size) > p.limit {
			return nil
		}
	}
	p.add(int64(size))
	return make([]byte, n, size)
}

// put takes back a buffer that get returned.
func (p *pool) put(b []byte) {
	size := cap(b)
	if p.used > p.limit {
		p.add(-int64(size))
		return
	}
	p.free[size] = append(p.free[size], b[:size])
}

// trim gives free buffers to the garbage collector until bytes are gone or none is left.
func (p *pool) trim(bytes int64) {
	for size, list := range p.free {
		for len(list) > 0 && bytes > 0 {
			list[len(list)-1] = nil
			list = list[:len(list)-1]
			bytes -= int64(size)
			p.add(-int64(size))
		}
		if len(list) == 0 {
			delete(p.free, size)
		} else {
			p.free[size] = list
		}
	}
}

func (p *pool) add(n int64) {
	p.used += n
	p.gauge.Add(n)
}
