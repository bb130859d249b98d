package wire

import (
	"encoding/binary"
	"math"
	"time"
	"unicode/utf8"
)

// The MessagePack types that the messages use, by their first byte.
const (
	mpFixArray = 0x90 // to 0x9f
	mpFixStr   = 0xa0 // to 0xbf
	mpNil      = 0xc0
	mpFalse    = 0xc2
	mpTrue     = 0xc3
	mpBin8     = 0xc4
	mpBin16    = 0xc5
	mpUint8    = 0xcc
	mpUint16   = 0xcd
	mpUint32   = 0xce
	mpUint64   = 0xcf
	mpStr8     = 0xd9
	mpArray16  = 0xdc
)

// Largest encodings, in bytes.
const (
	maxUint8Bytes  = 2
	maxUint16Bytes = 3
	maxUint32Bytes = 5
	maxUint64Bytes = 9
	maxArrayBytes  = 3 // the head of an array
)

// maxDuration is the longest duration that is sent, about 71 minutes.
const maxDuration = math.MaxUint32 * time.Microsecond

func appendUint(b []byte, v uint64) []byte {
	switch {
	case v < 0x80:
		return append(b, byte(v))
	case v <= math.MaxUint8:
		return append(b, mpUint8, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, mpUint16), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, mpUint32), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, mpUint64), v)
}

// appendDuration appends d in microseconds, at least 0 and at most maxDuration.
func appendDuration(b []byte, d time.Duration) []byte {
	return appendUint(b, uint64(min(max(d, 0), maxDuration)/time.Microsecond))
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, mpTrue)
	}
	return append(b, mpFalse)
}

// appendArray appends the head of an array of n elements, n <= 65,535.
func appendArray(b []byte, n int) []byte {
	if n < 16 {
		return append(b, mpFixArray|byte(n))
	}
	return binary.BigEndian.AppendUint16(append(b, mpArray16), uint16(n))
}

// appendBin appends a byte string of at most 65,535 bytes.
func appendBin(b, v []byte) []byte {
	if len(v) <= math.MaxUint8 {
		b = append(b, mpBin8, byte(len(v)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, mpBin16), uint16(len(v)))
	}
	return append(b, v...)
}

// appendString appends a text of at most 255 bytes; text is made by clip.
func appendString(b []byte, text string) []byte {
	if len(text) < 32 {
		b = append(b, mpFixStr|byte(len(text)))
	} else {
		b = append(b, mpStr8, byte(len(text)))
	}
	return append(b, text...)
}

// message is what is still to be read of an encoded message. The first error sticks:
// every read after it returns zero.
type message struct {
	b   []byte
	err error
}

func (m *message) fail(err error) {
	if m.err == nil {
		m.err = err
	}
	m.b = nil
}

// take returns the next n bytes, or nil.
func (m *message) take(n int) []byte {
	if len(m.b) < n {
		m.fail(ErrTruncated)
		return nil
	}
	v := m.b[:n]
	m.b = m.b[n:]
	return v
}

// head returns the next byte.
func (m *message) head() byte {
	if len(m.b) == 0 {
		m.fail(ErrTruncated)
		return 0
	}
	c := m.b[0]
	m.b = m.b[1:]
	return c
}

// uint reads an unsigned integer of any width, at most limit.
func (m *message) uint(limit uint64) uint64 {
	c := m.head()
	v := uint64(c)
	if c >= 0x80 {
		v = m.wideUint(c)
	}
	if v > limit {
		m.fail(ErrLimit)
		return 0
	}
	return v
}

func (m *message) wideUint(c byte) uint64 {
	if c < mpUint8 || c > mpUint64 {
		m.fail(ErrType)
		return 0
	}
	v := m.take(1 << (c - mpUint8))
	switch len(v) {
	case 1:
		return uint64(v[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(v))
	case 4:
		return uint64(binary.BigEndian.Uint32(v))
	case 8:
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func (m *message) uint8() uint8   { return uint8(m.uint(math.MaxUint8)) }
func (m *message) uint16() uint16 { return uint16(m.uint(math.MaxUint16)) }
func (m *message) uint32() uint32 { return uint32(m.uint(math.MaxUint32)) }
func (m *message) uint64() uint64 { return m.uint(math.MaxUint64) }

func (m *message) duration() time.Duration {
	return time.Duration(m.uint(math.MaxUint32)) * time.Microsecond
}

func (m *message) bool() bool {
	switch m.head() {
	case mpTrue:
		return true
	case mpFalse:
		return false
	}
	m.fail(ErrType)
	return false
}

// array reads the head of an array of tuples of width values each, laid end to end, and
// returns how many tuples there are: at most limit, and no more than there are bytes for.
func (m *message) array(width, limit int) int {
	c := m.head()
	n := int(c &^ mpFixArray)
	switch {
	case c == mpArray16:
		v := m.take(2)
		if v == nil {
			return 0
		}
		n = int(binary.BigEndian.Uint16(v))
	case c&0xf0 != mpFixArray:
		m.fail(ErrType)
		return 0
	}
	switch {
	case n%width != 0:
		m.fail(ErrValue)
	case n/width > limit:
		m.fail(ErrLimit)
	case n > len(m.b):
		m.fail(ErrTruncated)
	default:
		return n / width
	}
	return 0
}

// bin reads a byte string of at most limit bytes; it aliases the message.
func (m *message) bin(limit int) []byte {
	var n int
	switch m.head() {
	case mpBin8:
		n = int(m.head())
	case mpBin16:
		v := m.take(2)
		if v == nil {
			return nil
		}
		n = int(binary.BigEndian.Uint16(v))
	default:
		m.fail(ErrType)
		return nil
	}
	if n > limit {
		m.fail(ErrLimit)
		return nil
	}
	return m.take(n)
}

// string reads a text of at most limit bytes in UTF-8. If it is equal to old it returns
// old, and makes no garbage.
func (m *message) string(limit int, old string) string {
	c := m.head()
	n := int(c &^ 0xe0)
	switch {
	case c == mpStr8:
		n = int(m.head())
	case c&0xe0 != mpFixStr:
		m.fail(ErrType)
		return ""
	}
	if n > limit {
		m.fail(ErrLimit)
		return ""
	}
	v := m.take(n)
	if string(v) == old {
		return old
	}
	if !utf8.Valid(v) {
		m.fail(ErrValue)
		return ""
	}
	return string(v)
}

// begin reads the head of the whole message: an array of fields values, of which the
// first is the format version.
func (m *message) begin(fields int, version uint64) {
	n := m.array(1, math.MaxUint16)
	if m.err == nil && m.uint64() != version && m.err == nil {
		m.fail(ErrFormat)
	}
	if m.err == nil && n != fields {
		m.fail(ErrValue)
	}
}

// end returns the first error, or ErrTrailing if anything is left.
func (m *message) end() error {
	if m.err == nil && len(m.b) > 0 {
		m.err = ErrTrailing
	}
	return m.err
}

// blocks reads a run of source blocks as appendBlocks writes it. toi is that of the run
// before.
func (m *message) blocks(toi uint32) Outstanding {
	r := Outstanding{TOI: m.uint32(), SBN: m.uint32(), Count: m.uint32(), Symbols: m.uint16()}
	if r.TOI == HeartbeatTOI {
		r.TOI = toi
	}
	if m.err == nil && (r.TOI == HeartbeatTOI || r.Count == 0 || r.Count-1 > math.MaxUint32-r.SBN) {
		m.fail(ErrValue)
	}
	return r
}

// maxBlocksBytes is the largest encoding of one run of source blocks.
const maxBlocksBytes = 3*maxUint32Bytes + maxUint16Bytes

// appendBlocks appends a run of source blocks as four numbers; a TOI of 0 stands for that
// of the run before, toi, because most runs of a message are of one object.
func appendBlocks(b []byte, toi uint32, r Outstanding) []byte {
	if r.TOI == toi {
		b = append(b, 0)
	} else {
		b = appendUint(b, uint64(r.TOI))
	}
	b = appendUint(b, uint64(r.SBN))
	b = appendUint(b, uint64(r.Count))
	return appendUint(b, uint64(r.Symbols))
}

// blocksLength returns how many bytes appendBlocks appends.
func blocksLength(toi uint32, r Outstanding) int {
	n := 1
	if r.TOI != toi {
		n = uintLength(uint64(r.TOI))
	}
	return n + uintLength(uint64(r.SBN)) + uintLength(uint64(r.Count)) + uintLength(uint64(r.Symbols))
}

func uintLength(v uint64) int {
	switch {
	case v < 0x80:
		return 1
	case v <= math.MaxUint8:
		return 2
	case v <= math.MaxUint16:
		return maxUint16Bytes
	case v <= math.MaxUint32:
		return maxUint32Bytes
	}
	return maxUint64Bytes
}

// clip returns text as valid UTF-8 of at most limit bytes.
func clip(text string, limit int) string {
	if !utf8.ValidString(text) {
		text = toValid(text)
	}
	if len(text) <= limit {
		return text
	}
	for !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// toValid replaces every byte of text that is not UTF-8.
func toValid(text string) string { return string([]rune(text)) }
