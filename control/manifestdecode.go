package control

import (
	"fmt"
	"math/bits"

	"fanfare/fec"
)

// DecodeManifest reads the manifest of the bundle that p announces, b being exactly its bytes,
// already verified. Nothing in the result aliases b; objects with equal headers or tags share
// them. It returns an error that wraps ErrCodec, ErrEntry, ErrKey or ErrManifest: also if a body
// lies outside the bundle, or the number of objects, bytes or digests is not that of p.
func DecodeManifest(b []byte, p *Publish) (*Manifest, error) {
	layout, err := p.Layout()
	if err != nil {
		return nil, err
	}
	if uint64(len(b)) != layout.ManifestLength || len(b) > MaxManifest {
		return nil, fmt.Errorf("%w: %d bytes, %d announced", ErrManifest, len(b), layout.ManifestLength)
	}
	r := newReader(b)
	m := &Manifest{Objects: r.objects(layout.Bodies, layout.OTI.TransferLength), bodies: layout.Bodies}
	m.objects = len(b) - len(r.src)
	m.Digests = r.hashes(MaxManifest / len(Hash{}))
	for _, c := range r.binary(MaxManifest) {
		if c != 0 {
			r.fail("something in the padding")
			break
		}
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	if len(m.Objects) != int(p.Objects) {
		return nil, fmt.Errorf("%w: %d objects, %d announced", ErrManifest, len(m.Objects), p.Objects)
	}
	if n := layout.Blocks - layout.ManifestBlocks; len(m.Digests) != int(n) {
		return nil, fmt.Errorf("%w: %d digests for %d blocks", ErrManifest, len(m.Digests), n)
	}
	if twice(m.Objects) {
		return nil, fmt.Errorf("%w: two objects with one key", ErrManifest)
	}
	bytes := uint64(0)
	for i := range m.Objects {
		bytes += m.Objects[i].Length
	}
	if bytes != p.Bytes {
		return nil, fmt.Errorf("%w: %d bytes, %d announced", ErrManifest, bytes, p.Bytes)
	}
	return m, nil
}

// AppendRows appends to dst what a store keeps of a manifest for Restore: its objects, without
// digests of blocks and padding. m is what DecodeManifest made of encoded.
func (m *Manifest) AppendRows(dst, encoded []byte) []byte {
	w := writer{dst}
	w.uint(m.bodies)
	return append(w.b, encoded[:m.objects]...)
}

// DecodeRows reads what AppendRows wrote; nothing in the result aliases b. It returns an error that
// wraps ErrCodec, ErrKey or ErrManifest.
func DecodeRows(b []byte) ([]Object, error) {
	r := newReader(b)
	objects := r.objects(r.uint(fec.MaxTransferLength), fec.MaxTransferLength)
	return objects, r.end()
}

// objects reads a manifest up to its digests: the tables and the objects. Bodies lie from start
// to end and do not overlap.
func (r *reader) objects(start, end uint64) []Object {
	r.array(manifestParts, manifestParts)
	r.version()
	hosts := make([]string, r.array(1, MaxBundleObjects))
	for i := range hosts {
		hosts[i] = r.string(MaxHost)
		r.check(Key{Host: hosts[i], Path: "/"}.Validate())
	}
	headers := make([][]Header, r.array(1, MaxBundleObjects))
	for i := range headers {
		headers[i] = r.headers()
		r.check(validateHeaders(headers[i]))
	}
	tags := make([][]string, r.array(1, MaxBundleObjects))
	for i := range tags {
		tags[i] = r.tags()
		r.check(validateTags(tags[i]))
	}
	objects := make([]Object, r.array(1, MaxBundleObjects))
	var paths []byte
	for first := 0; first < len(objects); first += chunk {
		some := objects[first:min(first+chunk, len(objects))]
		var ends [chunk]int // of the paths, which share a string
		paths = paths[:0]
		for i := range some {
			o := &some[i]
			r.array(objectParts, objectParts)
			host := r.uint(uint64(len(hosts)) - 1)
			paths = append(paths, r.text(MaxPath)...)
			o.Offset = start + r.uint(end-start)
			o.Length = r.uint(end - o.Offset)
			o.Digest = r.hash()
			header, tag := r.uint(uint64(len(headers))-1), r.uint(uint64(len(tags))-1)
			if r.err != nil {
				return nil
			}
			o.Key.Host, o.Headers, o.Tags = hosts[host], headers[header], tags[tag]
			start, ends[i] = o.Offset+o.Length, len(paths)
		}
		shared, from := string(paths), 0
		for i := range some {
			path := shared[from:ends[i]]
			if !isCanonicalPath(path) {
				r.check(fmt.Errorf("%w: path %.80q", ErrKey, path))
			}
			some[i].Key.Path, from = path, ends[i]
		}
	}
	return objects
}

// chunk is how many things that are there for each object are allocated together: what is left of
// a bundle keeps at most so many times its own memory.
const chunk = 16

// twice reports whether two objects have the same key. It looks every key up in a table of two to
// four times as many places as there are keys.
func twice(objects []Object) bool {
	if len(objects) < 2 {
		return false
	}
	size := 2 << bits.Len(uint(len(objects)-1))
	table := make([]uint16, size) // numbers of objects, counted from 1: at most MaxBundleObjects
	for i := range objects {
		key := &objects[i].Key
		place := key.hash() & uint64(size-1)
		for ; table[place] != 0; place = (place + 1) & uint64(size-1) {
			if objects[table[place]-1].Key == *key {
				return true
			}
		}
		table[place] = uint16(i + 1)
	}
	return false
}
