package edgecache

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

func TestSymbolDoesNotAllocate(t *testing.T) {
	o := newOrigin(t)
	o.oti.MaxBlock, o.oti.MaxSymbols = 200, 255
	e := openEdge(t, o, o.config(t.TempDir()))
	m := o.publish(file("/a", strings.Repeat("x", 200*64)))
	e.apply(m)
	if err := e.Begin(1, m.part.OTI()); err != nil {
		t.Fatal(err)
	}
	payload, esi := make([]byte, 64), 0
	if n := testing.AllocsPerRun(90, func() {
		if err := e.Symbol(1, 0, esi, payload); err != nil {
			t.Fatal(err)
		}
		esi++
	}); n > 0 {
		t.Errorf("%v allocations a symbol", n)
	}
}

func TestPool(t *testing.T) {
	var gauge atomic.Int64
	p := newPool(100, 10, &gauge)
	a, b := p.get(41), p.get(50)
	if len(a) != 41 || cap(a) != 50 || len(b) != 50 || gauge.Load() != 100 {
		t.Fatalf("%d %d %d, %d bytes", len(a), cap(a), len(b), gauge.Load())
	}
	if c := p.get(1); c != nil {
		t.Error("a buffer above the limit")
	}
	p.put(a)
	if c := p.get(45); len(c) != 45 || &c[0] != &a[0] {
		t.Error("the free buffer of that size was not used")
	}
	p.put(b)
	if c := p.get(20); c == nil || gauge.Load() != 70 {
		t.Errorf("free buffers of another size were kept: %d bytes", gauge.Load())
	}
	small := newPool(5, 10, &gauge)
	c := small.get(30)
	if c == nil || small.get(30) != nil {
		t.Error("a small pool must have one buffer, and only one")
	}
	small.put(c)
	if small.used != 0 {
		t.Errorf("%d bytes kept above the limit", small.used)
	}
}

func TestBetweenManyRuns(t *testing.T) {
	var open []uint64
	for hole := uint64(2); hole <= 200; hole += 2 {
		open = append(open, hole)
	}
	_, done := between(open, 200)
	half := MaxDone / 2
	if len(done) != MaxDone || done[0].From != 3 || done[half-1].From != uint64(2*half+1) ||
		done[half].From != uint64(200-2*half+1) || done[MaxDone-1].From != 199 {
		t.Errorf("of the runs 3, 5, ... 199: %v", done)
	}
}

func TestBetween(t *testing.T) {
	for _, test := range []struct {
		open     []uint64
		highest  uint64
		complete uint64
		done     []SequenceRange
	}{
		{nil, 0, 0, nil},
		{nil, 5, 5, nil},
		{[]uint64{1}, 1, 0, nil},
		{[]uint64{1}, 3, 0, []SequenceRange{{2, 3}}},
		{[]uint64{3, 4, 7}, 7, 2, []SequenceRange{{5, 6}}},
		{[]uint64{2, 5, 9}, 7, 1, []SequenceRange{{3, 4}, {6, 7}}},
	} {
		complete, done := between(test.open, test.highest)
		if complete != test.complete || len(done) != len(test.done) {
			t.Errorf("%v to %d: %d %v, want %d %v", test.open, test.highest, complete, done, test.complete, test.done)
			continue
		}
		for i := range done {
			if done[i] != test.done[i] {
				t.Errorf("%v to %d: %v, want %v", test.open, test.highest, done, test.done)
			}
		}
	}
}

// Large buffers lie outside of Go's heap, and go back to the system.
func TestPoolMapsLargeBuffers(t *testing.T) {
	var gauge atomic.Int64
	p := newPool(4*mappedSize, 4096, &gauge)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var taken [][]byte
	for range 4 {
		b := p.get(mappedSize - 100)
		for i := range b {
			b[i] = 1
		}
		taken = append(taken, b)
	}
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > mappedSize/2 {
		t.Errorf("%d bytes of the heap for %d buffers of %d", after.TotalAlloc-before.TotalAlloc, len(taken), mappedSize)
	}
	for _, b := range taken {
		p.put(b)
	}
	if again := p.get(mappedSize - 200); cap(again) != mappedSize || gauge.Load() != 4*mappedSize {
		t.Errorf("a buffer of %d bytes, %d in all", cap(again), gauge.Load())
	} else {
		p.put(again)
	}
	p.trim(p.used)
	if gauge.Load() != 0 || len(p.free) != 0 {
		t.Errorf("%d bytes are left", gauge.Load())
	}
}

// Close gives back the buffers of blocks that are not whole.
func TestCloseGivesBackMemory(t *testing.T) {
	o := newOrigin(t)
	o.oti.SymbolLength, o.oti.MaxBlock, o.oti.MaxSymbols = 1024, 100, 120
	e := openEdge(t, o, o.config(t.TempDir()))
	m := o.publish(file("/a", string(random(1, 300_000))))
	e.apply(m)
	if err := e.Begin(1, m.part.OTI()); err != nil {
		t.Fatal(err)
	}
	for sbn := range uint32(3) {
		for _, esi := range []int{0, 110} {
			if err := e.Symbol(1, sbn, esi, make([]byte, 1024)); err != nil {
				t.Fatal(err)
			}
		}
	}
	cache := e.Cache
	if cache.Stats().MemoryBytes == 0 {
		t.Error("no memory is in use")
	}
	e.close()
	if n := cache.count.memoryBytes.Load(); n != 0 {
		t.Errorf("%d bytes are left", n)
	}
}
