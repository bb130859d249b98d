package control

import (
	"fmt"

	"fanfare/fec"
)

const (
	// Alignment divides the offset of the first body of a bundle, in bytes: so bodies begin
	// where a file system can share them.
	Alignment = 4096
	// SymbolUnit divides every encoding symbol length of a bundle, in bytes.
	SymbolUnit = 64
)

// Layout is where things lie in a bundle:
//
//	+---------------------------------+--------+--------+-----+
//	| manifest, or nothing            | body 0 | body 1 | ... |
//	+---------------------------------+--------+--------+-----+
//	0                                 Bodies                  OTI.TransferLength
type Layout struct {
	OTI fec.OTI
	// Inline says that the manifest travels in the entry.
	Inline bool
	// ManifestLength is the manifest's length in bytes, wherever it is.
	ManifestLength uint64
	// ManifestBlocks is how many source blocks, from 0, hold the manifest; 0 if it is inline.
	// Their digests are in the entry, those of the other blocks in the manifest.
	ManifestBlocks uint32
	// Blocks is the number of source blocks.
	Blocks uint32
	// Bodies is the offset of the first body: ManifestLength, rounded up to Alignment (Encode
	// pads a manifest to that itself), or 0.
	Bodies uint64
}

// Layout returns where things lie in the bundle. It returns an error that wraps ErrEntry if
// lengths or FEC parameters are impossible.
func (p *Publish) Layout() (Layout, error) {
	partition, err := p.OTI.Partition()
	if err != nil {
		return Layout{}, fmt.Errorf("%w: %w", ErrEntry, err)
	}
	if p.OTI.SymbolLength%SymbolUnit != 0 {
		return Layout{}, fmt.Errorf("%w: symbol length %d is not a multiple of %d", ErrEntry, p.OTI.SymbolLength, SymbolUnit)
	}
	if p.Manifest != nil {
		if p.ManifestLength != 0 {
			return Layout{}, fmt.Errorf("%w: two manifests", ErrEntry)
		}
		return Layout{OTI: p.OTI, Inline: true, ManifestLength: uint64(len(p.Manifest)), Blocks: partition.Blocks()}, nil
	}
	if p.ManifestLength == 0 || p.ManifestLength > MaxManifest {
		return Layout{}, fmt.Errorf("%w: a manifest of %d bytes", ErrEntry, p.ManifestLength)
	}
	bodies := alignUp(p.ManifestLength)
	if bodies > p.OTI.TransferLength {
		return Layout{}, fmt.Errorf("%w: the manifest is longer than the bundle", ErrEntry)
	}
	return Layout{
		OTI: p.OTI, ManifestLength: p.ManifestLength, Blocks: partition.Blocks(), Bodies: bodies,
		ManifestBlocks: partition.Block(int64(p.ManifestLength-1)) + 1,
	}, nil
}

// alignUp rounds a manifest's length, at most MaxManifest, up to Alignment.
func alignUp(n uint64) uint64 { return (n + Alignment - 1) &^ (Alignment - 1) }

// Arrange lays out a bundle of the objects, in their order: it sets each Offset, and in the
// result all but the digests that nobody knows yet. Of oti it takes E, the largest block and n; a
// manifest of at most inline bytes goes into the entry.
//
// The publisher then writes the bodies, computes the digests of the blocks from ManifestBlocks
// on, encodes the manifest with them (it is ManifestLength bytes long), writes it at 0 unless it
// is inline, and at last computes the digests of the first ManifestBlocks blocks for the entry.
// It returns an error that wraps ErrManifest or ErrEntry.
func Arrange(objects []Object, oti fec.OTI, inline int) (Layout, error) {
	var bytes uint64
	for i := range objects {
		if objects[i].Length > fec.MaxTransferLength-bytes {
			return Layout{}, fmt.Errorf("%w: more than 2^48-1 bytes", ErrManifest)
		}
		objects[i].Offset = bytes
		bytes += objects[i].Length
	}
	head := encodeObjects(nil, objects, 0)
	oti.TransferLength = bytes
	p := Publish{OTI: oti, Manifest: head}
	layout, err := p.Layout()
	if err != nil {
		return Layout{}, err
	}
	if n := manifestLength(len(head), layout.Blocks); n <= uint64(max(inline, 0)) {
		layout.ManifestLength = n
		return layout, nil
	}
	// The manifest holds a digest for each block that does not hold the manifest: make room
	// until they fit. Padding takes what is too much.
	p = Publish{OTI: oti, ManifestLength: alignUp(paddedLength(len(head), 0))}
	for {
		p.OTI.TransferLength = p.ManifestLength + bytes
		if layout, err = p.Layout(); err != nil {
			return Layout{}, err
		}
		n := paddedLength(len(head), layout.Blocks-layout.ManifestBlocks)
		if n <= p.ManifestLength {
			break
		}
		p.ManifestLength = alignUp(n)
	}
	for i := range objects {
		objects[i].Offset += layout.Bodies
	}
	return layout, nil
}
