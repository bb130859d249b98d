package fec

// Partition says how an object is cut into source blocks (RFC 5052 §9.1): the first
// large blocks have one symbol more than the rest, so that all are as equal as can be.
type Partition struct {
	oti    OTI
	blocks uint32 // N
	large  uint32 // how many blocks have small+1 symbols
	small  int    // A_small
}

// Partition cuts the object into blocks. It returns an error that wraps ErrOTI if o is not valid.
func (o OTI) Partition() (Partition, error) {
	if err := o.Validate(); err != nil {
		return Partition{}, err
	}
	p := Partition{oti: o}
	e, b := uint64(o.SymbolLength), uint64(o.MaxBlock)
	symbols := (o.TransferLength + e - 1) / e // T
	blocks := (symbols + b - 1) / b           // N
	if blocks == 0 {
		return p, nil
	}
	p.blocks = uint32(blocks)
	p.small = int(symbols / blocks)
	p.large = uint32(symbols - uint64(p.small)*blocks)
	return p, nil
}

// OTI returns what the partition was made from.
func (p Partition) OTI() OTI { return p.oti }

// Blocks returns N, the number of source blocks; 0 for an empty object.
func (p Partition) Blocks() uint32 { return p.blocks }

// SourceSymbols returns k of one block; 0 for a block that does not exist.
func (p Partition) SourceSymbols(sbn uint32) int {
	switch {
	case sbn < p.large:
		return p.small + 1
	case sbn < p.blocks:
		return p.small
	}
	return 0
}

// Offset returns where a block begins in the object, in bytes. For sbn = Blocks() it is
// the end of the last block, padding included.
func (p Partition) Offset(sbn uint32) int64 {
	symbols := uint64(sbn) * uint64(p.small)
	symbols += uint64(min(sbn, p.large))
	return int64(symbols * uint64(p.oti.SymbolLength))
}

// Length returns how many bytes of the object lie in a block: k times the symbol length,
// less in the last block, whose last symbol may be padded.
func (p Partition) Length(sbn uint32) int64 {
	if sbn >= p.blocks {
		return 0
	}
	end := min(p.Offset(sbn+1), int64(p.oti.TransferLength))
	return end - p.Offset(sbn)
}

// Block returns the block that holds the byte at offset, which must lie in the object.
func (p Partition) Block(offset int64) uint32 {
	symbol := uint64(offset) / uint64(p.oti.SymbolLength)
	inLarge := uint64(p.large) * uint64(p.small+1)
	if symbol < inLarge {
		return uint32(symbol / uint64(p.small+1))
	}
	return p.large + uint32((symbol-inLarge)/uint64(p.small))
}
