package control

import (
	"encoding/binary"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// writer appends msgpack to b, every number and length in its shortest form; it cannot fail. It
// appends by itself: an encoder behind an interface was half the time of a manifest of small objects.
type writer struct{ b []byte }

func newWriter(dst []byte) *writer { return &writer{b: dst} }

func (w *writer) array(n int) {
	if n < 16 {
		w.b = append(w.b, msgpcode.FixedArrayLow|byte(n))
		return
	}
	w.sized(msgpcode.Array16, uint64(n))
}

func (w *writer) uint(n uint64) {
	switch {
	case n < 1<<7:
		w.b = append(w.b, byte(n))
	case n < 1<<8:
		w.b = append(w.b, msgpcode.Uint8, byte(n))
	case n < 1<<32:
		w.sized(msgpcode.Uint16, n)
	default:
		w.b = binary.BigEndian.AppendUint64(append(w.b, msgpcode.Uint64), n)
	}
}

func (w *writer) int(n int64) {
	switch {
	case n >= 0:
		w.uint(uint64(n))
	case n >= -1<<5:
		w.b = append(w.b, byte(n))
	case n >= -1<<7:
		w.b = append(w.b, msgpcode.Int8, byte(n))
	case n >= -1<<15:
		w.b = binary.BigEndian.AppendUint16(append(w.b, msgpcode.Int16), uint16(n))
	case n >= -1<<31:
		w.b = binary.BigEndian.AppendUint32(append(w.b, msgpcode.Int32), uint32(n))
	default:
		w.b = binary.BigEndian.AppendUint64(append(w.b, msgpcode.Int64), uint64(n))
	}
}

// string appends a text of less than 2^32 bytes.
func (w *writer) string(s string) {
	switch n := len(s); {
	case n < 32:
		w.b = append(w.b, msgpcode.FixedStrLow|byte(n))
	case n < 1<<8:
		w.b = append(w.b, msgpcode.Str8, byte(n))
	default:
		w.sized(msgpcode.Str16, uint64(n))
	}
	w.b = append(w.b, s...)
}

// bin appends the head of a byte string of n bytes, less than 2^32.
func (w *writer) bin(n int) {
	if n < 1<<8 {
		w.b = append(w.b, msgpcode.Bin8, byte(n))
		return
	}
	w.sized(msgpcode.Bin16, uint64(n))
}

// sized appends n, less than 2^32: in 16 bits behind code, or in 32 behind the code after it.
func (w *writer) sized(code byte, n uint64) {
	if n < 1<<16 {
		w.b = binary.BigEndian.AppendUint16(append(w.b, code), uint16(n))
		return
	}
	w.b = binary.BigEndian.AppendUint32(append(w.b, code+1), uint32(n))
}

func (w *writer) bytes(b []byte) {
	w.bin(len(b))
	w.b = append(w.b, b...)
}

func (w *writer) hash(h Hash) {
	w.bin(len(h))
	w.b = append(w.b, h[:]...)
}

func (w *writer) hashes(hashes []Hash) {
	w.bin(len(hashes) * len(Hash{}))
	for i := range hashes {
		w.b = append(w.b, hashes[i][:]...)
	}
}
