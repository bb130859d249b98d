package control

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"fanfare/fec"
)

// A manifest is an array of version, hosts, header sets, tag sets, objects, digests and padding
// (zeros up to the first body). Hosts, header sets and tag sets are tables, since the objects of
// a bundle mostly share them. An object is host number, path, gap between the end of the body
// before and this one, length, digest, number of the header set, and number of the tag set.
const (
	manifestParts = 7
	objectParts   = 7
)

// Encode returns the manifest as bytes. It returns an error that wraps ErrKey or ErrManifest if
// an object is not valid, two have the same key, or bodies overlap or are out of order. The first
// body is at Layout.Bodies, where Arrange puts it: if that is not 0, the manifest is padded to it.
func (m *Manifest) Encode() ([]byte, error) {
	if n := len(m.Objects); n == 0 || n > MaxBundleObjects {
		return nil, fmt.Errorf("%w: %d objects, of 1 to %d", ErrManifest, n, MaxBundleObjects)
	}
	keys := make(map[Key]struct{}, len(m.Objects))
	end := uint64(0)
	for i := range m.Objects {
		o := &m.Objects[i]
		if err := o.Validate(); err != nil {
			return nil, err
		}
		if _, found := keys[o.Key]; found {
			return nil, fmt.Errorf("%w: two objects with key %v", ErrManifest, o.Key)
		}
		keys[o.Key] = struct{}{}
		if o.Offset < end || o.Offset > fec.MaxTransferLength || o.Length > fec.MaxTransferLength-o.Offset {
			return nil, fmt.Errorf("%w: body of %v at %d, %d bytes", ErrManifest, o.Key, o.Offset, o.Length)
		}
		end = o.Offset + o.Length
	}
	start := m.Objects[0].Offset
	head := encodeObjects(nil, m.Objects, start)
	n, digests := manifestLength(len(head), uint32(len(m.Digests))), uint32(len(m.Digests))
	if start > 0 {
		if n = start; paddedLength(len(head), digests) > n {
			return nil, fmt.Errorf("%w: %d bytes are not enough for it", ErrManifest, n)
		}
	}
	if n > MaxManifest {
		return nil, fmt.Errorf("%w: a manifest of %d bytes, at most %d", ErrManifest, n, MaxManifest)
	}
	w := newWriter(slices.Grow(head, int(n)-len(head)))
	w.hashes(m.Digests)
	w.padding(int(n), start > 0)
	return w.b, nil
}

// padding ends a message with a byte string of zeros that makes it n bytes long.
func (w *writer) padding(n int, padded bool) {
	if !padded {
		w.bytes(nil)
		return
	}
	n -= len(w.b) + 5
	w.b = append(w.b, msgpcode.Bin32) // always the long form, so that every length can be had
	w.b = binary.BigEndian.AppendUint32(w.b, uint32(n))
	w.b = append(w.b, make([]byte, n)...)
}

// encodeObjects appends a manifest without digests and padding; bodies is the offset of the
// first body.
func encodeObjects(dst []byte, objects []Object, bodies uint64) []byte {
	hosts := newTable((*writer).string, func(a, b string) bool { return a == b })
	headers := newTable((*writer).headers, sameSlice[Header])
	tags := newTable((*writer).tags, sameSlice[string])
	numbers := make([][3]int, len(objects))
	for i := range objects {
		o := &objects[i]
		numbers[i] = [3]int{hosts.number(o.Key.Host), headers.number(o.Headers), tags.number(o.Tags)}
	}
	w := newWriter(slices.Grow(dst, 64*len(objects)))
	w.array(manifestParts)
	w.uint(codecVersion)
	w.array(len(hosts.rows))
	for _, host := range hosts.rows {
		w.string(host)
	}
	w.array(len(headers.rows))
	for _, h := range headers.rows {
		w.headers(h)
	}
	w.array(len(tags.rows))
	for _, t := range tags.rows {
		w.tags(t)
	}
	w.array(len(objects))
	end := bodies
	for i := range objects {
		o := &objects[i]
		w.array(objectParts)
		w.uint(uint64(numbers[i][0]))
		w.string(o.Key.Path)
		w.uint(o.Offset - end)
		w.uint(o.Length)
		w.hash(o.Digest)
		w.uint(uint64(numbers[i][1]))
		w.uint(uint64(numbers[i][2]))
		end = o.Offset + o.Length
	}
	return w.b
}

// manifestLength returns the length of an inline manifest in bytes, head being what
// encodeObjects appends.
func manifestLength(head int, digests uint32) uint64 {
	return uint64(head) + binLength(uint64(digests)*uint64(len(Hash{}))) + binLength(0)
}

// paddedLength is manifestLength for a manifest that is padded: the least.
func paddedLength(head int, digests uint32) uint64 {
	return manifestLength(head, digests) - binLength(0) + 5
}

// table numbers different values, by how they are encoded, in the order of their first use.
type table[T any] struct {
	encode  func(*writer, T)
	scratch writer
	numbers map[string]int
	rows    []T
	// last is the number given last: most objects have what the one before them has, of which same
	// may say so without looking at every byte.
	last int
	same func(a, b T) bool
}

func newTable[T any](encode func(*writer, T), same func(a, b T) bool) *table[T] {
	return &table[T]{encode: encode, same: same, numbers: make(map[string]int)}
}

func (t *table[T]) number(v T) int {
	if len(t.rows) > 0 && t.same(v, t.rows[t.last]) {
		return t.last
	}
	t.scratch.b = t.scratch.b[:0]
	t.encode(&t.scratch, v)
	n, found := t.numbers[string(t.scratch.b)]
	if !found {
		n = len(t.rows)
		t.numbers[string(t.scratch.b)] = n
		t.rows = append(t.rows, v)
	}
	t.last = n
	return n
}

// sameSlice reports whether a and b are the same elements of the same array.
func sameSlice[E any](a, b []E) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
