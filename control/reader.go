package control

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// reader reads msgpack from a slice, and remembers the first error; after it everything reads
// as zero. Every length is checked against its limit, and against the bytes that are left, before
// anything is allocated. Only the types that writer writes are read.
type reader struct {
	src []byte // what is left
	err error
}

func newReader(b []byte) *reader { return &reader{src: b} }

// fail notes what is wrong, if nothing was before.
func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format, append([]any{ErrCodec}, args...)...)
	}
}

// check notes err, if nothing was wrong before.
func (r *reader) check(err error) {
	if r.err == nil {
		r.err = err
	}
}

// end returns the first error, or one if bytes are left.
func (r *reader) end() error {
	if n := len(r.src); n > 0 {
		r.fail("%d bytes left over", n)
	}
	return r.err
}

// code returns the next type code without consuming it.
func (r *reader) code() byte {
	if r.err != nil {
		return msgpcode.Nil
	}
	if len(r.src) == 0 {
		r.fail("cut short")
		return msgpcode.Nil
	}
	return r.src[0]
}

// number consumes a type code and the big-endian number of 1, 2, 4 or 8 bytes after it.
func (r *reader) number(bytes int) (n uint64) {
	if len(r.src) <= bytes {
		r.fail("cut short")
		return 0
	}
	switch b := r.src[1:]; bytes {
	case 1:
		n = uint64(b[0])
	case 2:
		n = uint64(binary.BigEndian.Uint16(b))
	case 4:
		n = uint64(binary.BigEndian.Uint32(b))
	default:
		n = binary.BigEndian.Uint64(b)
	}
	r.src = r.src[1+bytes:]
	return n
}

// array reads the length of an array, which must be lo to hi.
func (r *reader) array(lo, hi int) int {
	var n uint64
	switch c := r.code(); {
	case msgpcode.IsFixedArray(c):
		n, r.src = uint64(c&msgpcode.FixedArrayMask), r.src[1:]
	case c == msgpcode.Array16:
		n = r.number(2)
	case c == msgpcode.Array32:
		n = r.number(4)
	default:
		r.fail("no array")
	}
	if n > uint64(len(r.src)) {
		r.fail("cut short")
	} else if n < uint64(lo) || n > uint64(hi) {
		r.fail("an array of %d, of %d to %d", n, lo, hi)
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// version reads the version of the message.
func (r *reader) version() {
	if v := r.uint(math.MaxUint64); v != codecVersion {
		r.fail("version %d", v)
	}
}

// uint reads a number of at most limit.
func (r *reader) uint(limit uint64) uint64 {
	var n uint64
	switch c := r.code(); {
	case c < 0x80:
		n, r.src = uint64(c), r.src[1:]
	case c >= msgpcode.Uint8 && c <= msgpcode.Uint64:
		n = r.number(1 << (c - msgpcode.Uint8))
	default:
		r.fail("no unsigned number")
	}
	if n > limit {
		r.fail("%d is above %d", n, limit)
	}
	if r.err != nil {
		return 0
	}
	return n
}

// int reads a signed number.
func (r *reader) int() int64 {
	c := r.code()
	switch {
	case c >= msgpcode.Int8 && c <= msgpcode.Int64:
		bytes := 1 << (c - msgpcode.Int8)
		unused := 64 - 8*bytes // bits above the number's sign
		return int64(r.number(bytes)<<unused) >> unused
	case c >= msgpcode.NegFixedNumLow:
		r.src = r.src[1:]
		return int64(int8(c))
	}
	return int64(r.uint(math.MaxInt64))
}

// string reads a text of at most limit bytes.
func (r *reader) string(limit int) string { return string(r.text(limit)) }

// text is string, of which the result is valid as long as what is read.
func (r *reader) text(limit int) []byte {
	switch c := r.code(); {
	case msgpcode.IsFixedString(c):
		r.src = r.src[1:]
		return r.take(uint64(c&msgpcode.FixedStrMask), limit)
	case c >= msgpcode.Str8 && c <= msgpcode.Str32:
		return r.take(r.number(1<<(c-msgpcode.Str8)), limit)
	}
	r.fail("no string")
	return nil
}

// bytes reads a byte string of at most limit bytes; not nil unless there was an error.
func (r *reader) bytes(limit int) []byte {
	b := r.binary(limit)
	if r.err != nil {
		return nil
	}
	return append([]byte{}, b...)
}

// binary is bytes, of which the result is valid as long as what is read.
func (r *reader) binary(limit int) []byte {
	if c := r.code(); c >= msgpcode.Bin8 && c <= msgpcode.Bin32 {
		return r.take(r.number(1<<(c-msgpcode.Bin8)), limit)
	}
	r.fail("no bytes")
	return nil
}

// take consumes n bytes, of which there may be limit.
func (r *reader) take(n uint64, limit int) []byte {
	switch {
	case n > uint64(len(r.src)):
		r.fail("cut short")
	case n > uint64(max(limit, 0)):
		r.fail("%d bytes, at most %d", n, limit)
	}
	if r.err != nil {
		return nil
	}
	b := r.src[:n]
	r.src = r.src[n:]
	return b
}

func (r *reader) hash() (h Hash) {
	if b := r.binary(len(h)); copy(h[:], b) != len(h) {
		r.fail("a hash of %d bytes", len(b))
	}
	return h
}

func (r *reader) hashes(limit int) []Hash {
	b := r.binary(limit * len(Hash{}))
	if len(b)%len(Hash{}) != 0 {
		r.fail("hashes of %d bytes", len(b))
	}
	if r.err != nil || len(b) == 0 {
		return nil
	}
	hashes := make([]Hash, len(b)/len(Hash{}))
	for i := range hashes {
		copy(hashes[i][:], b[i*len(Hash{}):])
	}
	return hashes
}

func (r *reader) key() Key { return Key{Host: r.string(MaxHost), Path: r.string(MaxPath)} }

func (r *reader) generation() Generation {
	return Generation{Order: uint32(r.uint(math.MaxUint32)), Random: r.uint(math.MaxUint64)}
}
