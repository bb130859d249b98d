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
