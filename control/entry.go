package control

import (
	"errors"
	"fmt"

	"fanfare/fec"
)

// Limits of an entry.
const (
	// MaxEntry is the largest entry as sent, signature included, in bytes.
	MaxEntry = 4096
	// MaxSelectors is the largest number of selectors or keys in one entry.
	MaxSelectors = 1024
	// MaxRetired is the largest number of bundles that one entry retires.
	MaxRetired = 256
	// MaxBundleObjects is the largest number of objects in one bundle.
	MaxBundleObjects = 4096
)

// ErrEntry is returned for an entry that says nothing possible.
var ErrEntry = errors.New("control: impossible entry")

// Kind says what an entry does.
type Kind uint8

// The kinds of entries; the numbers are those on the wire.
const (
	KindPublish Kind = 1
	KindPurge   Kind = 2
	KindRemove  Kind = 3
	KindRetire  Kind = 4
)

// String returns the word for the kind, as in "publish".
func (k Kind) String() string {
	switch k {
	case KindPublish:
		return "publish"
	case KindPurge:
		return "purge"
	case KindRemove:
		return "remove"
	case KindRetire:
		return "retire"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Entry is one signed, numbered statement of the origin. Exactly the body that belongs to
// Kind is set.
type Entry struct {
	// Channel is the session's TSI.
	Channel    uint32
	Generation Generation
	// Sequence numbers the entries of a generation from 1.
	Sequence uint64
	// Previous is HashEntry of entry Sequence-1; all zeros for the first.
	Previous Hash
	// Time is when the entry was made, in milliseconds since 1970 UTC. It only informs.
	Time int64
	Kind Kind

	// Publish announces a bundle.
	Publish *Publish
	// Purge kills every version below Sequence that one of the selectors matches.
	Purge []Selector
	// Remove purges keys, and says that they are no more.
	Remove []Key
	// Retire has the sequences of bundles that the origin no longer keeps. None has a live
	// object, and each key in them that has no row any more was purged or removed by a
	// selector other than a tag in between (see Catalogue.Fold).
	Retire []uint64
}

// Publish is the body of an entry that announces a bundle.
type Publish struct {
	// OTI is of the bundle as a transport object.
	OTI fec.OTI
	// Manifest is the encoded manifest if it travels in the entry; then the bundle is
	// bodies only. Otherwise it is nil, and the bundle begins with the manifest.
	Manifest []byte
	// ManifestLength is the length of the manifest at the head of the bundle, in bytes; 0 if
	// it is inline.
	ManifestLength uint64
	// ManifestDigests are those of the source blocks that hold the manifest, from block 0.
	ManifestDigests []Hash
	// Objects is how many objects the bundle has, at least 1; Bytes the sum of their lengths.
	Objects uint32
	Bytes   uint64

	// inline is what Manifest says, since it was validated.
	inline *Manifest
}

// Validate returns an error that wraps ErrEntry, ErrManifest or ErrKey if the entry cannot be.
func (e *Entry) Validate() error {
	if e.Sequence == 0 {
		return fmt.Errorf("%w: sequence 0", ErrEntry)
	}
	if (e.Kind == KindPublish) != (e.Publish != nil) || (e.Kind == KindPurge) != (len(e.Purge) > 0) ||
		(e.Kind == KindRemove) != (len(e.Remove) > 0) || (e.Kind == KindRetire) != (len(e.Retire) > 0) {
		return fmt.Errorf("%w: the body is not that of a %v", ErrEntry, e.Kind)
	}
	switch e.Kind {
	case KindPublish:
		return e.Publish.Validate()
	case KindPurge:
		if len(e.Purge) > MaxSelectors {
			return fmt.Errorf("%w: %d selectors, at most %d", ErrEntry, len(e.Purge), MaxSelectors)
		}
		for _, s := range e.Purge {
			if err := s.Validate(); err != nil {
				return err
			}
		}
	case KindRemove:
		if len(e.Remove) > MaxSelectors {
			return fmt.Errorf("%w: %d keys, at most %d", ErrEntry, len(e.Remove), MaxSelectors)
		}
		for _, k := range e.Remove {
			if err := k.Validate(); err != nil {
				return err
			}
		}
	case KindRetire:
		if len(e.Retire) > MaxRetired {
			return fmt.Errorf("%w: %d bundles retired, at most %d", ErrEntry, len(e.Retire), MaxRetired)
		}
		for _, s := range e.Retire {
			if s == 0 || s >= e.Sequence {
				return fmt.Errorf("%w: entry %d retires bundle %d", ErrEntry, e.Sequence, s)
			}
		}
	default:
		return fmt.Errorf("%w: %v", ErrEntry, e.Kind)
	}
	return nil
}

// Validate returns an error that wraps ErrEntry or ErrManifest if no bundle can be so. An
// inline manifest is decoded in full.
func (p *Publish) Validate() error {
	layout, err := p.Layout()
	if err != nil {
		return err
	}
	if p.Objects == 0 || p.Objects > MaxBundleObjects {
		return fmt.Errorf("%w: a bundle of %d objects", ErrEntry, p.Objects)
	}
	if p.Bytes > p.OTI.TransferLength-layout.Bodies {
		return fmt.Errorf("%w: %d bytes in a bundle of %d", ErrEntry, p.Bytes, p.OTI.TransferLength)
	}
	if len(p.ManifestDigests) != int(layout.ManifestBlocks) {
		return fmt.Errorf("%w: %d digests for the %d blocks of the manifest", ErrEntry, len(p.ManifestDigests), layout.ManifestBlocks)
	}
	if layout.Inline {
		p.inline, err = DecodeManifest(p.Manifest, p)
	}
	return err
}

// InlineManifest returns the manifest that travels in the entry, which was validated since it was
// last changed; nil if there is none. It must not be changed.
func (p *Publish) InlineManifest() *Manifest { return p.inline }
