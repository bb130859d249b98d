package handover

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// TypeRows is the type of a tar entry whose body is rows, of as many files as were handed over
// with it or before. (Capital letters are for whoever has a use for them.)
const TypeRows = 'H'

const (
	// MaxRows is how many bytes of rows one entry has at most.
	MaxRows = 1 << 20
	// maxName is how long the name of a file may be, in bytes.
	maxName = 1 << 15
)

// ErrRow is returned for bytes that are no row.
var ErrRow = errors.New("handover: malformed row")

// Row says of a file that was handed over what it is:
//
//	length of the name, name, size, seconds and nanoseconds of its last change
//
// where numbers are varints. Size and last change are those that were seen before the file was
// opened: the file must have them still when it has been read.
type Row struct {
	// Name is what the file is to be called, relative, with "/" between its parts; any bytes.
	Name     string
	Size     int64 // in bytes
	Modified time.Time
}

// Append appends the row to dst.
func (r *Row) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(r.Name)))
	dst = append(dst, r.Name...)
	dst = binary.AppendUvarint(dst, uint64(r.Size))
	dst = binary.AppendVarint(dst, r.Modified.Unix())
	return binary.AppendUvarint(dst, uint64(r.Modified.Nanosecond()))
}

// ParseRow reads the row at the beginning of b, and returns what comes behind it. It returns
// ErrRow if there is none, or one that no file has.
func ParseRow(b []byte) (r Row, rest []byte, err error) {
	length, b, ok := uvarint(b)
	if !ok || length > maxName || length > uint64(len(b)) {
		return Row{}, nil, ErrRow
	}
	r.Name = string(b[:length])
	size, b, ok := uvarint(b[length:])
	if !ok || size > math.MaxInt64 {
		return Row{}, nil, ErrRow
	}
	r.Size = int64(size)
	seconds, n := binary.Varint(b)
	if n <= 0 {
		return Row{}, nil, ErrRow
	}
	nanoseconds, rest, ok := uvarint(b[n:])
	if !ok || nanoseconds >= uint64(time.Second) {
		return Row{}, nil, ErrRow
	}
	r.Modified = time.Unix(seconds, int64(nanoseconds))
	return r, rest, nil
}

// uvarint reads a number from b.
func uvarint(b []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}
