package control

import (
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
)

// TestReader reads numbers in every form that msgpack has for them, and texts and arrays in all that
// writer uses.
func TestReader(t *testing.T) {
	for _, test := range []struct {
		hex  string
		want int64
		fits bool // as an unsigned number
	}{
		{"00", 0, true}, {"7f", 127, true}, {"cc05", 5, true}, {"ccff", 255, true}, {"cdffff", 65535, true},
		{"ce80000000", 1 << 31, true}, {"cf7fffffffffffffff", math.MaxInt64, true}, {"ff", -1, false}, {"e0", -32, false},
		{"d080", -128, false}, {"d1ff00", -256, false}, {"d2ffffffff", -1, false}, {"d38000000000000000", math.MinInt64, false}, {"d005", 5, false},
	} {
		b, err := hex.DecodeString(test.hex)
		if err != nil {
			t.Fatal(err)
		}
		r := newReader(b)
		if got := r.int(); got != test.want || r.end() != nil {
			t.Errorf("%s: %d, %v", test.hex, got, r.err)
		}
		r = newReader(b)
		if got := r.uint(math.MaxUint64); (r.end() == nil) != test.fits || test.fits && got != uint64(test.want) {
			t.Errorf("%s unsigned: %d, %v", test.hex, got, r.err)
		}
		for n := range b {
			r = newReader(b[:n])
			if r.int(); !errors.Is(r.end(), ErrCodec) {
				t.Errorf("%s cut to %d: %v", test.hex, n, r.err)
			}
		}
	}
	for _, n := range []int{0, 31, 32, 255, 256, 65535, 65536} {
		w := newWriter(nil)
		w.string(strings.Repeat("x", n))
		w.bytes(make([]byte, n))
		w.array(n)
		w.b = append(w.b, make([]byte, n)...)
		r := newReader(w.b)
		if s, b, a := r.string(n), r.bytes(n), r.array(n, n); len(s) != n || len(b) != n || b == nil || a != n || len(r.src) != n {
			t.Errorf("%d: %d, %d, %d, %d left, %v", n, len(s), len(b), a, len(r.src), r.err)
		}
		for _, read := range []func(*reader){
			func(r *reader) { r.string(n - 1) },
			func(r *reader) { r.string(n); r.bytes(n - 1) },
			func(r *reader) { r.string(n); r.bytes(n); r.array(0, n-1) },
		} {
			r := newReader(w.b)
			if read(r); !errors.Is(r.err, ErrCodec) && n > 0 {
				t.Errorf("%d bytes where %d may be: %v", n, n-1, r.err)
			}
		}
	}
}
