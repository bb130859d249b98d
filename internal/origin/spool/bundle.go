package spool

import (
	"fmt"
	"io"
	"os"

	"github.com/zeebo/blake3"

	"fanfare/control"
	"fanfare/fec"
	"fanfare/internal/writeback"
)

// entryOverhead is more than an entry has besides an inline manifest, in bytes: channel,
// generation, numbers, previous hash, signature.
const entryOverhead = 256

// bundleWriter writes one bundle: newBundle lays it out, copyFrom takes the bodies end to end,
// finish writes the manifest. The digests are computed on the way, so that only the
// blocks which hold the manifest are read again.
type bundleWriter struct {
	file      *os.File
	layout    control.Layout
	partition fec.Partition
	objects   []control.Object
	bytes     uint64 // of all bodies
	ahead     writeback.Ahead
	fresh     int   // bytes written since ahead was told
	offset    int64 // where the next body byte goes
	digested  int64 // where the next one that digestBlocks takes is

	body    *blake3.Hasher
	current int    // the object whose body is being written
	left    uint64 // bytes of it still to come

	start     int64 // of the blocks behind the manifest's
	block     *blake3.Hasher
	sbn       uint32 // the block being hashed
	blockLeft int64  // bytes of it still to come
	digests   []control.Hash
}

// newBundle lays out a bundle of objects, whose Length is set, in an empty staged file.
func newBundle(file *os.File, objects []control.Object, oti fec.OTI) (*bundleWriter, error) {
	layout, err := control.Arrange(objects, oti, int(oti.SymbolLength)-entryOverhead)
	if err != nil {
		return nil, err
	}
	partition, err := layout.OTI.Partition()
	if err != nil {
		return nil, err
	}
	w := &bundleWriter{
		file: file, layout: layout, partition: partition, objects: objects,
		offset: int64(layout.Bodies), body: blake3.New(), block: blake3.New(),
		start: partition.Offset(layout.ManifestBlocks),
		sbn:   layout.ManifestBlocks, blockLeft: partition.Length(layout.ManifestBlocks),
		digests: make([]control.Hash, 0, layout.Blocks-layout.ManifestBlocks),
		current: -1,
	}
	for i := range objects {
		w.bytes += objects[i].Length
	}
	if err := file.Truncate(int64(layout.OTI.TransferLength)); err != nil {
		return nil, err
	}
	w.nextObject()
	// Padding between manifest and bodies may reach into blocks that are digested on the way.
	var zeros [control.Alignment]byte
	w.digested = min(w.start, w.offset)
	w.digestBlocks(zeros[:w.offset-w.digested])
	return w, nil
}

// nextObject closes the digests of the bodies that are whole.
func (w *bundleWriter) nextObject() {
	for w.left == 0 && w.current < len(w.objects) {
		if w.current >= 0 {
			w.body.Sum(w.objects[w.current].Digest[:0])
			w.body.Reset()
		}
		w.current++
		if w.current < len(w.objects) {
			w.left = w.objects[w.current].Length
		}
	}
}

// store appends p, which follows on what was stored before, to the bodies.
func (w *bundleWriter) store(p []byte) error {
	if _, err := w.file.WriteAt(p, w.offset); err != nil {
		return err
	}
	w.offset += int64(len(p))
	if w.fresh += len(p); w.fresh >= writeback.Bytes {
		w.fresh = 0
		w.ahead.Begin(w.file)
		writeback.Settle(w.file, w.offset)
	}
	return nil
}

// digestBodies takes the bodies' bytes, in order, for the digests of the objects. It, digestBlocks and
// store may be called by a goroutine each.
func (w *bundleWriter) digestBodies(p []byte) {
	for len(p) > 0 {
		n := min(uint64(len(p)), w.left)
		w.body.Write(p[:n])
		p = p[n:]
		w.left -= n
		w.nextObject()
	}
}

// digestBlocks takes the bodies' bytes, in order, for the digests of the blocks behind the manifest's;
// what lies before them is passed over.
func (w *bundleWriter) digestBlocks(p []byte) {
	before := w.start - w.digested
	w.digested += int64(len(p))
	if before > 0 {
		p = p[min(before, int64(len(p))):]
	}
	for len(p) > 0 && w.sbn < w.layout.Blocks {
		n := min(int64(len(p)), w.blockLeft)
		w.block.Write(p[:n])
		p = p[n:]
		if w.blockLeft -= n; w.blockLeft > 0 {
			return
		}
		var digest control.Hash
		w.block.Sum(digest[:0])
		w.block.Reset()
		w.digests = append(w.digests, digest)
		w.sbn++
		w.blockLeft = w.partition.Length(w.sbn)
	}
}

// finish writes the manifest and returns what is to be published. The file is not synced.
func (w *bundleWriter) finish() (*Staged, error) {
	if w.current != len(w.objects) {
		return nil, io.ErrUnexpectedEOF
	}
	s := &Staged{path: w.file.Name(), Manifest: control.Manifest{Objects: w.objects, Digests: w.digests}}
	encoded, err := s.Manifest.Encode()
	if err != nil {
		return nil, err
	}
	if uint64(len(encoded)) != w.layout.ManifestLength {
		return nil, fmt.Errorf("spool: a manifest of %d bytes was laid out with %d", len(encoded), w.layout.ManifestLength)
	}
	s.Publish = control.Publish{OTI: w.layout.OTI, Objects: uint32(len(w.objects)), Bytes: w.bytes}
	if w.layout.Inline {
		s.Publish.Manifest = encoded
		return s, nil
	}
	s.Publish.ManifestLength = w.layout.ManifestLength
	if _, err := w.file.WriteAt(encoded, 0); err != nil {
		return nil, err
	}
	for sbn := range w.layout.ManifestBlocks {
		block := make([]byte, w.partition.Length(sbn))
		if _, err := w.file.ReadAt(block, w.partition.Offset(sbn)); err != nil {
			return nil, err
		}
		s.Publish.ManifestDigests = append(s.Publish.ManifestDigests, control.Sum(block))
	}
	return s, nil
}
