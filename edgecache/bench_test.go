package edgecache

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"fanfare/control"
)

// BenchmarkSmallObjects takes bundles of 4,096 objects of 1 KB from the entry to the request: symbols,
// digests, manifest, rows, index, fsyncs.
func BenchmarkSmallObjects(b *testing.B) {
	const objects, size = 4096, 1000
	o := newOrigin(b)
	o.oti.SymbolLength, o.oti.MaxBlock, o.oti.MaxSymbols = benchLength, benchSymbols, 255
	content := make([]body, objects)
	bytes := random(1, objects*size)
	e := openEdge(b, o, o.config(b.TempDir()))
	b.ReportAllocs()
	var used time.Duration
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		for i := range content {
			content[i] = body{
				key:   control.Key{Path: fmt.Sprintf("/%d/some/path/%d", n, i)},
				bytes: bytes[i*size:][:size],
			}
		}
		m := o.publish(content...)
		padded := make([]byte, (len(m.bytes)+benchLength-1)/benchLength*benchLength)
		copy(padded, m.bytes)
		before := cpuTime(b)
		b.StartTimer()
		e.deliverBytes(m, padded)
		b.StopTimer()
		used += cpuTime(b) - before
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*objects), "ns/object")
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N*objects), "cpu-ns/object")
}

// BenchmarkSmallBundle takes a bundle of one object of 100 KB from its last block until it may be
// told: what an edge waits for.
func BenchmarkSmallBundle(b *testing.B) {
	o := newOrigin(b)
	o.inline = 1200
	o.oti.SymbolLength, o.oti.MaxBlock, o.oti.MaxSymbols = benchLength, benchSymbols, 255
	content := string(random(1, 100_000))
	e := openEdge(b, o, o.config(b.TempDir()))
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		m := o.publish(file(fmt.Sprint("/", n), content))
		e.apply(m)
		e.receive(m)
		b.StartTimer()
		e.commit(m)
		e.told()
	}
}

// BenchmarkOpen opens a cache with 25 bundles of 4,096 objects of 1 KB.
func BenchmarkOpen(b *testing.B) {
	const objects, size, bundles = 4096, 1000, 25
	o := newOrigin(b)
	o.oti.SymbolLength, o.oti.MaxBlock, o.oti.MaxSymbols = benchLength, benchSymbols, 255
	content := make([]body, objects)
	bytes := random(1, size)
	e := openEdge(b, o, o.config(b.TempDir()))
	for n := range bundles {
		for i := range content {
			content[i] = body{key: control.Key{Path: fmt.Sprintf("/%d/some/path/%d", n, i)}, bytes: bytes}
		}
		m := o.publish(content...)
		padded := make([]byte, (len(m.bytes)+benchLength-1)/benchLength*benchLength)
		copy(padded, m.bytes)
		e.deliverBytes(m, padded)
	}
	for b.Loop() {
		e.reopen()
	}
	if rows := e.Stats().Rows; rows != objects*bundles {
		b.Errorf("%d rows", rows)
	}
}

// cpuTime is how long the process has run.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The blocks of these benchmarks are those of large files at MTU 1,500.
const benchSymbols, benchLength = 200, 1408

// BenchmarkStoreBlock takes a block from its symbols to the file: copied into place, verified against
// its digest, written.
func BenchmarkStoreBlock(b *testing.B) {
	const blocks = 100
	o := newOrigin(b)
	o.oti.SymbolLength, o.oti.MaxBlock, o.oti.MaxSymbols = benchLength, benchSymbols, 255
	content := string(random(1, blocks*benchSymbols*benchLength))
	e := openEdge(b, o, o.config(b.TempDir()))
	var m *made
	var source []byte
	next := func() {
		b.StopTimer()
		defer b.StartTimer()
		if m != nil {
			e.Abort(m.sequence(), "enough")
		}
		m = o.publish(file("/large", content))
		source = append(m.bytes, make([]byte, benchLength)...)
		e.apply(m)
		if err := e.Begin(m.sequence(), m.part.OTI()); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(benchSymbols * benchLength)
	b.ReportAllocs()
	for sbn := uint32(blocks); b.Loop(); sbn++ {
		if sbn >= blocks {
			next()
			sbn = 0
		}
		offset := m.part.Offset(sbn)
		for esi := range m.part.SourceSymbols(sbn) {
			if err := e.Symbol(m.sequence(), sbn, esi, source[offset:][:benchLength]); err != nil {
				b.Fatal(err)
			}
			offset += benchLength
		}
		if err := e.FinishBlock(m.sequence(), sbn); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDigestBlock is what verifying a block costs.
func BenchmarkDigestBlock(b *testing.B) {
	block := random(1, benchSymbols*benchLength)
	b.SetBytes(int64(len(block)))
	b.ReportAllocs()
	for b.Loop() {
		control.Sum(block)
	}
}

// deliverBytes is deliver, with the bytes of the bundle padded to whole symbols.
func (e *edge) deliverBytes(m *made, padded []byte) {
	e.apply(m)
	if err := e.Begin(m.sequence(), m.part.OTI()); err != nil {
		e.t.Fatal(err)
	}
	length := int(m.part.OTI().SymbolLength)
	for sbn := range m.part.Blocks() {
		for esi := range m.part.SourceSymbols(sbn) {
			if err := e.Symbol(m.sequence(), sbn, esi, padded[:length]); err != nil {
				e.t.Fatal(err)
			}
			padded = padded[length:]
		}
		if err := e.FinishBlock(m.sequence(), sbn); err != nil {
			e.t.Fatal(err)
		}
	}
	e.commit(m)
}
