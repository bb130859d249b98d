package edgecache

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// mappedSize is from which size on, in bytes, buffers are mappings of their own and not in Go's heap:
// the garbage collector lets the heap grow to twice what is in use there.
const mappedSize = 64 << 10

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
	return newBuffer(size)[:n]
}

// newBuffer returns zeros, in a mapping if they are many and the system gives one.
func newBuffer(size int) []byte {
	if size >= mappedSize {
		b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
		if err == nil {
			return b
		}
	}
	return make([]byte, size)
}

// freeBuffer gives back what newBuffer returned. Nothing may point into it any more.
func freeBuffer(b []byte) {
	if b = b[:cap(b)]; len(b) >= mappedSize {
		_ = unix.Munmap(b) // refused, if it is no mapping: then the garbage collector takes it
	}
}

// put takes back a buffer that get returned.
func (p *pool) put(b []byte) {
	size := cap(b)
	if p.used > p.limit {
		p.add(-int64(size))
		freeBuffer(b)
		return
	}
	p.free[size] = append(p.free[size], b[:size])
}

// trim gives free buffers back to the system until bytes are gone or none is left.
func (p *pool) trim(bytes int64) {
	for size, list := range p.free {
		for len(list) > 0 && bytes > 0 {
			freeBuffer(list[len(list)-1])
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

// add counts bytes that are taken from the system, or given back if n is below 0.
func (p *pool) add(n int64) {
	p.used += n
	p.gauge.Add(n)
}
