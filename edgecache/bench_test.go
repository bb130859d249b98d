package edgecache

import (
	"fmt"
	"testing"

	"fanfare/control"
)

// BenchmarkSmallObjects takes bundles of 4,096 objects of 1 KB from the entry to the request: symbols,
// digests, manifest, rows, index, fsyncs.
func BenchmarkSmallObjects(b *testing.B) {
	const objects, size = 4096, 1000
	o := newOrigin(b)
	o.oti.SymbolLength, o.oti.MaxBlock, o.oti.MaxSymbols = 1408, 200, 255
	content := make([]body, objects)
	bytes := random(1, objects*size)
	e := openEdge(b, o, o.config(b.TempDir()))
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		for i := range content {
			content[i] = body{
				key:   control.Key{Path: fmt.Sprintf("/%d/some/path/%d", n, i)},
				bytes: bytes[i*size:][:size],
			}
		}
		m := o.publish(content...)
		padded := make([]byte, (len(m.bytes)+1407)/1408*1408)
		copy(padded, m.bytes)
		b.StartTimer()
		e.deliverBytes(m, padded)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*objects), "ns/object")
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
