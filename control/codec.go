package control

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Errors of reading and writing.
var (
	// ErrCodec is returned for bytes that are not what they should be: cut short, of an unknown
	// version, with a length above its limit, or with bytes left over.
	ErrCodec = errors.New("control: malformed message")
	// ErrLength is returned for something that is too long when encoded.
	ErrLength = errors.New("control: too long")
)

// codecVersion is the first number of every message.
const codecVersion = 1

// binLength returns how many bytes a byte string of n takes, its header included.
func binLength(n uint64) uint64 {
	switch {
	case n < 1<<8:
		return n + 2
	case n < 1<<16:
		return n + 3
	}
	return n + 5
}

// reader reads msgpack from a slice, and remembers the first error; after it everything reads
// as zero. Every length is checked against its limit, and against the bytes that are left, before
// anything is allocated. Only the types that writer writes are read.
type reader struct {
	src bytes.Reader
	dec *msgpack.Decoder
	err error
}

func newReader(b []byte) *reader {
	r := &reader{}
	r.src.Reset(b)
	r.dec = msgpack.NewDecoder(&r.src)
	return r
}

// fail notes what is wrong, if nothing was before.
func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format, append([]any{ErrCodec}, args...)...)
	}
}

// end returns the first error, or one if bytes are left.
func (r *reader) end() error {
	if n := r.src.Len(); n > 0 {
		r.fail("%d bytes left over", n)
	}
	return r.err
}

// code returns the next type code without consuming it.
func (r *reader) code() byte {
	if r.err != nil {
		return msgpcode.Nil
	}
	c, err := r.dec.PeekCode()
	if err != nil {
		r.fail("cut short")
		return msgpcode.Nil
	}
	return c
}

// array reads the length of an array, which must be lo to hi.
func (r *reader) array(lo, hi int) int {
	switch c := r.code(); {
	case msgpcode.IsFixedArray(c), c == msgpcode.Array16, c == msgpcode.Array32:
	default:
		r.fail("no array")
		return 0
	}
	n, err := r.dec.DecodeArrayLen()
	if err != nil || n > r.src.Len() {
		r.fail("cut short")
	} else if n < lo || n > hi {
		r.fail("an array of %d, of %d to %d", n, lo, hi)
	}
	if r.err != nil {
		return 0
	}
	return n
}

// version reads the version of the message.
func (r *reader) version() {
	if v := r.uint(1<<64 - 1); v != codecVersion {
		r.fail("version %d", v)
	}
}

// uint reads a number of at most limit.
func (r *reader) uint(limit uint64) uint64 {
	switch c := r.code(); {
	case c < 0x80, c == msgpcode.Uint8, c == msgpcode.Uint16, c == msgpcode.Uint32, c == msgpcode.Uint64:
	default:
		r.fail("no unsigned number")
		return 0
	}
	n, err := r.dec.DecodeUint64()
	if err != nil {
		r.fail("cut short")
	} else if n > limit {
		r.fail("%d is above %d", n, limit)
	}
	if r.err != nil {
		return 0
	}
	return n
}

// int reads a signed number.
func (r *reader) int() int64 {
	switch c := r.code(); {
	case msgpcode.IsFixedNum(c), c >= msgpcode.Uint8 && c <= msgpcode.Int64:
	default:
		r.fail("no number")
		return 0
	}
	n, err := r.dec.DecodeInt64()
	if err != nil {
		r.fail("cut short")
		return 0
	}
	return n
}

// string reads a text of at most limit bytes.
func (r *reader) string(limit int) string {
	if c := r.code(); !msgpcode.IsString(c) {
		r.fail("no string")
		return ""
	}
	return string(r.raw(limit))
}

// bytes reads a byte string of at most limit bytes; not nil unless there was an error.
func (r *reader) bytes(limit int) []byte {
	if c := r.code(); !msgpcode.IsBin(c) {
		r.fail("no bytes")
		return nil
	}
	return r.raw(limit)
}

func (r *reader) raw(limit int) []byte {
	n, err := r.dec.DecodeBytesLen()
	if err != nil || n > r.src.Len() {
		r.fail("cut short")
		return nil
	}
	if n < 0 || n > limit {
		r.fail("%d bytes, at most %d", n, limit)
		return nil
	}
	b := make([]byte, n)
	_, _ = r.src.Read(b) // n bytes are there
	return b
}

func (r *reader) hash() (h Hash) {
	if b := r.bytes(len(h)); copy(h[:], b) != len(h) {
		r.fail("a hash of %d bytes", len(b))
	}
	return h
}

func (r *reader) hashes(limit int) []Hash {
	b := r.bytes(limit * len(Hash{}))
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

func (w *writer) key(k Key) {
	w.string(k.Host)
	w.string(k.Path)
}

func (w *writer) generation(g Generation) {
	w.uint(uint64(g.Order))
	w.uint(g.Random)
}

func (r *reader) generation() Generation {
	return Generation{Order: uint32(r.uint(1<<32 - 1)), Random: r.uint(1<<64 - 1)}
}
