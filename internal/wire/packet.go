package wire

import "fanfare/fec"

// Packet is one ALC packet (RFC 5775): LCT header, header extensions, FEC Payload ID and
// one encoding symbol.
type Packet struct {
	// TSI is the Transport Session Identifier.
	TSI uint32
	// TOI is the Transport Object Identifier: HeartbeatTOI, or of a control or data object.
	TOI uint32
	// PacketSequence numbers the packets of a session, modulo 2^32; loss is measured from it.
	// It is the first half of the 64-bit congestion control information.
	PacketSequence uint32
	// SendTime is when the sender sent the packet, on its session clock, in microseconds
	// modulo 2^32. It is the second half of the congestion control information.
	SendTime uint32
	// CloseSession and CloseObject are the LCT flags A and B.
	CloseSession, CloseObject bool

	// HasOTI says that the packet carries EXT_FTI, from which OTI is.
	HasOTI bool
	OTI    fec.OTI

	// HasAuth says that the packet carries EXT_AUTH, from which Auth is.
	HasAuth bool
	Auth    Auth

	// SBN, SourceBlockLength (k) and ESI are the FEC Payload ID of FEC Encoding ID 129.
	SBN               uint32
	SourceBlockLength uint16
	ESI               uint16

	// Payload is the encoding symbol, or the message of a heartbeat. After Parse it aliases
	// the buffer given.
	Payload []byte
}

// Auth is the content of EXT_AUTH (HET 1): what a sealed packet needs besides its own bytes.
type Auth struct {
	KeyEpoch     uint8
	SequenceHigh uint8 // bits 32-39 of the packet sequence number
	Tag          [16]byte
}
