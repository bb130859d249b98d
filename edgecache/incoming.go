package edgecache

import (
	"io"
	"os"

	"github.com/zeebo/blake3"

	"fanfare/control"
	"fanfare/fec"
)

// An incoming is a bundle on its way: its file and what of it is there. The loop owns it.
type incoming struct {
	sequence uint64
	oti      fec.OTI
	part     fec.Partition
	file     *os.File
	// announced says that the entry is known: before it, oti is what an unsigned packet
	// said, and no space is set aside.
	announced bool
	// unannounced is how many bytes of symbols came before the entry.
	unannounced int64
	// poisoned says that a block did not match its digest.
	poisoned bool
	// written has the blocks in the file, verified those of them that match their digest.
	written, verified blockSet
	// fresh is how many bytes were written since the system was told to begin with them.
	fresh int64
	// open has the blocks of which symbols are held, by SBN.
	open map[uint32]*block
	// recent is the one of them that the last symbol was of, if it is still open.
	recent *block
	// digests are those of the blocks from 0: first of the blocks that hold the manifest,
	// then, when the manifest is known, of all.
	digests []control.Hash
	// manifestKnown says that digests are complete.
	manifestKnown bool
}

func newIncoming(sequence uint64, oti fec.OTI, part fec.Partition, file *os.File) *incoming {
	return &incoming{
		sequence: sequence, oti: oti, part: part, file: file,
		written: newBlockSet(part.Blocks()), verified: newBlockSet(part.Blocks()),
		open: map[uint32]*block{},
	}
}

// digest returns the digest of a block, if it is known.
func (in *incoming) digest(sbn uint32) (control.Hash, bool) {
	if int64(sbn) < int64(len(in.digests)) {
		return in.digests[sbn], true
	}
	return control.Hash{}, false
}

// whole says that every block is in the file and matches its digest.
func (in *incoming) whole() bool {
	return in.announced && in.manifestKnown && in.verified.count == in.part.Blocks()
}

// headVerified says that the blocks that hold the manifest are verified.
func (in *incoming) headVerified() bool {
	if !in.announced {
		return false
	}
	for sbn := range in.digests {
		if !in.verified.has(uint32(sbn)) {
			return false
		}
	}
	return true
}

// check reads a block back and compares it with its digest, which must be known.
func (in *incoming) check(sbn uint32, buffer []byte) (ok bool, err error) {
	bytes := buffer[:in.part.Length(sbn)]
	if err := in.readBack(bytes, in.part.Offset(sbn)); err != nil {
		return false, err
	}
	return control.Hash(blake3.Sum256(bytes)) == in.digests[sbn], nil
}

// readBack fills b with what was written. It returns errVanished if the file is shorter.
func (in *incoming) readBack(b []byte, offset int64) error {
	_, err := in.file.ReadAt(b, offset)
	if err == io.EOF {
		return errVanished
	}
	return err
}

// checkWritten verifies the blocks that were written before their digest was known. Those
// that do not match do not count as written any more; refused is called for each.
func (in *incoming) checkWritten(buffer []byte, refused func(sbn uint32)) error {
	for sbn := uint32(0); sbn < in.part.Blocks(); sbn++ {
		if _, known := in.digest(sbn); !known || !in.written.has(sbn) || in.verified.has(sbn) {
			continue
		}
		ok, err := in.check(sbn, buffer)
		if err != nil {
			return err
		}
		if ok {
			in.verified.set(sbn)
			continue
		}
		in.written.clear(sbn)
		refused(sbn)
	}
	return nil
}

// resume marks the blocks that lie in the written parts of the file, are not yet marked
// and whose digest is known and matches; it returns how many. A hole counts as missing, as does any
// block that does not match.
func (in *incoming) resume(buffer []byte) (found int, err error) {
	next, limit := uint32(0), min(in.part.Blocks(), uint32(len(in.digests)))
	var failed error
	err = data(in.file, func(from, to int64) bool {
		for next < limit && in.part.Offset(next) < to {
			sbn := next
			if in.part.Offset(sbn)+in.part.Length(sbn) <= from {
				next++
				continue
			}
			next++
			if in.verified.has(sbn) {
				continue
			}
			ok, err := in.check(sbn, buffer)
			if err != nil {
				failed = err
				return false
			}
			if ok {
				in.written.set(sbn)
				in.verified.set(sbn)
				found++
			}
		}
		return next < limit
	})
	if failed != nil {
		err = failed
	}
	return found, err
}

// largestBlock returns the size of a buffer that holds any block, in bytes.
func (in *incoming) largestBlock() int {
	return in.part.SourceSymbols(0) * int(in.oti.SymbolLength)
}
