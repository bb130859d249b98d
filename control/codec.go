package control

import "errors"

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

func (w *writer) key(k Key) {
	w.string(k.Host)
	w.string(k.Path)
}

func (w *writer) generation(g Generation) {
	w.uint(uint64(g.Order))
	w.uint(g.Random)
}
