package edgecache

import (
	"fmt"

	"github.com/zeebo/blake3"

	"fanfare/control"
)

// StoreBlock stores a source block that came in one piece and not in symbols: the bundle's bytes
// of that block, without padding, borrowed for the call. Like any other block it is verified, now or,
// if its digest is not known yet, once that is (see Poisoned). Symbols of it that came before are
// dropped. It does nothing if the block is there.
//
// It returns ErrUnknown if the bundle is not on its way or has no entry yet, ErrSymbol for a block
// that the bundle does not have or that is longer or shorter, ErrDigest, or ErrFailed, after which
// the bundle is no longer on its way. The other errors change nothing.
func (c *Cache) StoreBlock(sequence uint64, sbn uint32, bytes []byte) error {
	in := c.incoming[sequence]
	switch {
	case in == nil || !in.announced:
		return ErrUnknown
	case sbn >= in.part.Blocks() || int64(len(bytes)) != in.part.Length(sbn):
		return fmt.Errorf("%w: block %d, %d bytes", ErrSymbol, sbn, len(bytes))
	case in.written.has(sbn):
		return nil
	}
	digest, known := in.digest(sbn)
	if known && control.Hash(blake3.Sum256(bytes)) != digest {
		return ErrDigest
	}
	if open := in.open[sbn]; open != nil {
		c.assembly.empty(open)
	}
	if err := c.disk.writeAt(in.file, bytes, in.part.Offset(sbn)); err != nil {
		return c.refused(in, sbn, &diskError{"write", err})
	}
	c.count.blocksWritten.Add(1)
	return c.placed(in, sbn, known)
}
