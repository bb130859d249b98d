package fec

import (
	"errors"
	"fmt"
)

// Limits of the FEC scheme (RFC 5510 §8 with GF(2^8)) and of this implementation.
const (
	// EncodingID is the FEC Encoding ID of Small Block Systematic codes, RFC 5445 §2.2;
	// RFC 5510 registers Reed-Solomon over GF(2^8) as its FEC Instance ID 0.
	EncodingID = 129
	// InstanceID names Reed-Solomon over GF(2^8) under EncodingID.
	InstanceID = 0
	// MaxSymbols is the largest n: the field has 255 powers of alpha.
	MaxSymbols = 255
	// MaxTransferLength is the largest object, in bytes: the field is 48 bits wide.
	MaxTransferLength = 1<<48 - 1
)

// ErrOTI is returned for an Object Transmission Information that describes no object.
var ErrOTI = errors.New("fec: impossible object transmission information")

// OTI is the Object Transmission Information (RFC 5052 §6): what a receiver must know to
// place and decode the symbols of one object.
type OTI struct {
	// TransferLength is the object's length L in bytes. It may be 0: such an object has
	// no source blocks.
	TransferLength uint64
	// SymbolLength is the encoding symbol length E in bytes. The last symbol of the object
	// is padded with zeros to it.
	SymbolLength uint16
	// MaxBlock is B, the largest number of source symbols in a block.
	MaxBlock uint16
	// MaxSymbols is n, the largest number of encoding symbols of a block.
	MaxSymbols uint16
}

// Validate returns an error that wraps ErrOTI if o cannot be of any object.
func (o OTI) Validate() error {
	switch {
	case o.TransferLength > MaxTransferLength:
		return fmt.Errorf("%w: transfer length %d is above 2^48-1", ErrOTI, o.TransferLength)
	case o.SymbolLength == 0:
		return fmt.Errorf("%w: encoding symbol length is 0", ErrOTI)
	case o.MaxBlock == 0:
		return fmt.Errorf("%w: maximum source block length is 0", ErrOTI)
	case o.MaxSymbols > MaxSymbols:
		return fmt.Errorf("%w: %d encoding symbols, at most %d", ErrOTI, o.MaxSymbols, MaxSymbols)
	case o.MaxSymbols < o.MaxBlock:
		return fmt.Errorf("%w: %d encoding symbols for %d source symbols", ErrOTI, o.MaxSymbols, o.MaxBlock)
	}
	symbols := (o.TransferLength + uint64(o.SymbolLength) - 1) / uint64(o.SymbolLength)
	if blocks := (symbols + uint64(o.MaxBlock) - 1) / uint64(o.MaxBlock); blocks > 1<<32-1 {
		return fmt.Errorf("%w: %d source blocks, at most 2^32-1", ErrOTI, blocks)
	}
	return nil
}
