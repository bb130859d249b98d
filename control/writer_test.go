package control

import (
	"bytes"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// What writer appends is what the msgpack package makes of the same, on each side of every limit.
func TestWriterIsMsgpack(t *testing.T) {
	var buffer bytes.Buffer
	enc := msgpack.NewEncoder(&buffer)
	check := func(what any, got []byte, err error) {
		t.Helper()
		if err != nil || !bytes.Equal(got, buffer.Bytes()) {
			t.Errorf("%v: got % x, want % x, %v", what, got[:min(len(got), 12)], buffer.Bytes()[:min(buffer.Len(), 12)], err)
		}
		buffer.Reset()
	}
	written := func(f func(w *writer)) []byte {
		w := newWriter([]byte("x"))
		f(w)
		return w.b[1:]
	}
	for bit := range 64 {
		for _, n := range []uint64{1<<bit - 1, 1 << bit, 1<<bit + 1} {
			check(n, written(func(w *writer) { w.uint(n) }), enc.EncodeUint(n))
			for _, i := range []int64{int64(n), -int64(n)} {
				check(i, written(func(w *writer) { w.int(i) }), enc.EncodeInt(i))
			}
		}
	}
	for _, n := range []int{0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536, 70000} {
		b := bytes.Repeat([]byte{'a'}, n)
		check(n, written(func(w *writer) { w.array(n) }), enc.EncodeArrayLen(n))
		check(n, written(func(w *writer) { w.bytes(b) }), enc.EncodeBytes(b))
		check(n, written(func(w *writer) { w.string(string(b)) }), enc.EncodeString(string(b)))
	}
}
