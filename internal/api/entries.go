package api

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// HeadHeader is the header of the answer to /v1/entries that has the head's sequence.
const HeadHeader = "Fanfare-Head"

// maxEntry is the longest entry that ReadEntry takes, in bytes.
const maxEntry = 1 << 16

// AppendEntry appends a log entry as it is framed in the answer to /v1/entries: its length
// in 4 bytes, big-endian, then its bytes as signed.
func AppendEntry(dst, raw []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(raw)))
	return append(dst, raw...)
}

// ReadEntry reads one framed entry into buffer, grown if need be, and returns it. It returns
// io.EOF, bare, where a stream ends between two entries.
func ReadEntry(r io.Reader, buffer []byte) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("api: log: %w", err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if n == 0 || n > maxEntry {
		return nil, fmt.Errorf("api: log: an entry of %d bytes", n)
	}
	if uint32(cap(buffer)) < n {
		buffer = make([]byte, n)
	}
	buffer = buffer[:n]
	if _, err := io.ReadFull(r, buffer); err != nil {
		return nil, fmt.Errorf("api: log: %w", io.ErrUnexpectedEOF)
	}
	return buffer, nil
}
