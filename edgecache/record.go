package edgecache

import (
	"encoding/binary"
	"errors"

	"fanfare/control"
	"fanfare/fec"
)

// fate is what became of a bundle that was complete once.
type fate uint8

const (
	fateComplete fate = iota
	fateEvicted       // its bytes went for the size limit
	fateLost          // its file was found gone, short or unreadable: it is to come again
)

// record is the state in the index of a bundle that is, or was, complete.
//
//	+------+--------------+--------------+------------------------------+
//	| fate | size, 8      | time, 8      | blueprint, but of an evicted |
//	+------+--------------+--------------+------------------------------+
//
// The blueprint is what it takes to receive the bundle again:
//
//	+------+------+------+-------------------+------------+----------+------------+
//	| E, 2 | B, 2 | n, 2 | manifest length, 4| objects, 4 | bytes, 8 | digests... |
//	+------+------+------+-------------------+------------+----------+------------+
//
// with the digests that are in the entry: of all blocks if the manifest length is 0, since the
// manifest was inline, else of those that hold the manifest.
type record struct {
	fate fate
	size int64 // of the file, in bytes
	time int64 // of the entry, in milliseconds since 1970 UTC
	// publish is the blueprint: an entry's with its digests, but without an inline manifest. A nil
	// one leaves it out.
	publish *control.Publish
}

// Lengths of a record's parts, in bytes.
const (
	recordLength    = 1 + 8 + 8
	blueprintLength = 2 + 2 + 2 + 4 + 4 + 8
)

var errRecord = errors.New("edgecache: the index has a damaged bundle record")

func (b batch) setRecord(sequence uint64, r record) {
	v := make([]byte, 0, recordLength+blueprintLength+32)
	v = append(v, byte(r.fate))
	v = binary.BigEndian.AppendUint64(v, uint64(r.size))
	v = binary.BigEndian.AppendUint64(v, uint64(r.time))
	if p := r.publish; p != nil {
		v = binary.BigEndian.AppendUint16(v, p.OTI.SymbolLength)
		v = binary.BigEndian.AppendUint16(v, p.OTI.MaxBlock)
		v = binary.BigEndian.AppendUint16(v, p.OTI.MaxSymbols)
		v = binary.BigEndian.AppendUint32(v, uint32(p.ManifestLength))
		v = binary.BigEndian.AppendUint32(v, p.Objects)
		v = binary.BigEndian.AppendUint64(v, p.Bytes)
		for _, digest := range knownDigests(p) {
			v = append(v, digest[:]...)
		}
	}
	b.set(sequenceKey(tagBundle, sequence), v)
}

// knownDigests returns the digests of blocks that an entry says.
func knownDigests(p *control.Publish) []control.Hash {
	if m := p.InlineManifest(); m != nil {
		return m.Digests
	}
	return p.ManifestDigests
}

// readRecord reads what setRecord wrote. The blueprint is read if it is asked for, or if the bundle
// is lost.
func readRecord(v []byte, blueprint bool) (r record, err error) {
	if len(v) < recordLength || v[0] > byte(fateLost) {
		return r, errRecord
	}
	r = record{
		fate: fate(v[0]),
		size: int64(binary.BigEndian.Uint64(v[1:])),
		time: int64(binary.BigEndian.Uint64(v[9:])),
	}
	if r.fate == fateLost || blueprint {
		r.publish, err = readBlueprint(uint64(r.size), v[recordLength:])
	}
	return r, err
}

func readBlueprint(size uint64, v []byte) (*control.Publish, error) {
	if len(v) < blueprintLength || (len(v)-blueprintLength)%len(control.Hash{}) != 0 {
		return nil, errRecord
	}
	p := &control.Publish{
		OTI: fec.OTI{
			TransferLength: size, SymbolLength: binary.BigEndian.Uint16(v),
			MaxBlock: binary.BigEndian.Uint16(v[2:]), MaxSymbols: binary.BigEndian.Uint16(v[4:]),
		},
		ManifestLength: uint64(binary.BigEndian.Uint32(v[6:])),
		Objects:        binary.BigEndian.Uint32(v[10:]),
		Bytes:          binary.BigEndian.Uint64(v[14:]),
	}
	for v = v[blueprintLength:]; len(v) > 0; v = v[len(control.Hash{}):] {
		p.ManifestDigests = append(p.ManifestDigests, control.Hash(v))
	}
	part, err := p.OTI.Partition()
	if err != nil {
		return nil, errRecord
	}
	digests := part.Blocks()
	if p.ManifestLength > 0 {
		layout, err := p.Layout()
		if err != nil {
			return nil, errRecord
		}
		digests = layout.ManifestBlocks
	}
	if len(p.ManifestDigests) != int(digests) {
		return nil, errRecord
	}
	return p, nil
}
