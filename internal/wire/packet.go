package wire

import (
	"encoding/binary"
	"slices"

	"fanfare/fec"
)

// Packet is one ALC packet (RFC 5775): LCT header, header extensions, FEC Payload ID and
// one encoding symbol.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+---+---+-+---+-+---+-+-+---------------+---------------+
//	|  V=1  |C=1|PSI|S|O=1|H|Res|A|B|    HDR_LEN    | codepoint 129 |  LCT header,
//	+-------+---+---+-+---+-+---+-+-+---------------+---------------+  RFC 5651 §5.1
//	|             CCI, first half: packet sequence number           |
//	+---------------------------------------------------------------+
//	|      CCI, second half: send time in microseconds, mod 2^32    |
//	+---------------------------------------------------------------+
//	|                              TSI                              |
//	+---------------------------------------------------------------+
//	|                              TOI                              |
//	+===============+===============+===============+===============+
//	|     HET 1     |     HEL 5     |   key epoch   | sequence 32-39|  EXT_AUTH,
//	+---------------+---------------+---------------+---------------+  if HasAuth
//	|                                                               |
//	+                       tag, 16 bytes                           +
//	|                             ...                               |
//	+===============+===============+===============================+
//	|    HET 64     |     HEL 4     |                               |  EXT_FTI,
//	+---------------+---------------+   transfer length L, 48 bits  +  if HasOTI
//	|                                                               |
//	+-------------------------------+-------------------------------+
//	|       FEC Instance ID 0       |  encoding symbol length E     |
//	+-------------------------------+-------------------------------+
//	|  maximum source block length  | maximum number of symbols n   |
//	+===============================+===============================+
//	|                              SBN                              |  FEC Payload ID
//	+-------------------------------+-------------------------------+  of FEC Encoding
//	|   source block length, k      |              ESI              |  ID 129, RFC 5445
//	+===============================+===============================+
//	|                encoding symbol, or heartbeat ...              |
//
// S=1 and H=0 make the TSI, O=1 and H=0 the TOI 32 bits, C=1 the CCI 64. HDR_LEN counts
// 32-bit words up to, but without, the FEC Payload ID. PSI and Res are sent as 0 and not
// looked at.
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

	// HasOTI says that the packet carries EXT_FTI, from which OTI is. Without it OTI is zero.
	HasOTI bool
	OTI    fec.OTI

	// HasAuth says that the packet carries EXT_AUTH, from which Auth is. Without it Auth is zero.
	HasAuth bool
	Auth    Auth

	// SBN, SourceBlockLength (k) and ESI are the FEC Payload ID of FEC Encoding ID 129. They
	// mean nothing in a heartbeat, where they are sent as 0.
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

// First two bytes of the LCT header, most significant bit first: V(4) C(2) PSI(2), then
// S(1) O(2) H(1) Res(2) A(1) B(1).
const (
	versionMask, versionBits = 0xf000, 0x1000
	flagsMask, flagsBits     = 0x0cf0, 0x04a0
	closeSessionBit          = 0x0002
	closeObjectBit           = 0x0001
)

// Header extension types; those below hetOneWord have a length octet (RFC 5651 §5.2).
const (
	hetAuth    = 1
	hetFTI     = 64
	hetOneWord = 128
)

// Lengths in bytes.
const (
	fixedLength     = 20 // LCT header without extensions
	authLength      = 20
	ftiLength       = 16
	payloadIDLength = 8
	// MaxHeaderLength is HeaderLength with every extension that Append writes.
	MaxHeaderLength = fixedLength + authLength + ftiLength + payloadIDLength
)

// HeaderLength returns how many bytes Append puts before the payload. It depends on
// HasOTI and HasAuth alone.
func HeaderLength(p *Packet) int {
	n := fixedLength + payloadIDLength
	if p.HasAuth {
		n += authLength
	}
	if p.HasOTI {
		n += ftiLength
	}
	return n
}

// Append appends the packet to dst and returns the extended slice. With an empty Payload
// it appends the header, for a caller who puts the symbol behind it himself. It allocates
// only if dst is too small. It checks nothing: what Parse would refuse it writes as it is,
// and of a transfer length the low 48 bits.
func Append(dst []byte, p *Packet) []byte {
	header := HeaderLength(p)
	start := len(dst)
	dst = slices.Grow(dst, header+len(p.Payload))[:start+header]
	b := dst[start:]
	first := uint16(versionBits | flagsBits)
	if p.CloseSession {
		first |= closeSessionBit
	}
	if p.CloseObject {
		first |= closeObjectBit
	}
	binary.BigEndian.PutUint16(b, first)
	b[2] = byte((header - payloadIDLength) / 4)
	b[3] = fec.EncodingID
	binary.BigEndian.PutUint32(b[4:], p.PacketSequence)
	binary.BigEndian.PutUint32(b[8:], p.SendTime)
	binary.BigEndian.PutUint32(b[12:], p.TSI)
	binary.BigEndian.PutUint32(b[16:], p.TOI)
	b = b[fixedLength:]
	if p.HasAuth {
		b[0], b[1], b[2], b[3] = hetAuth, authLength/4, p.Auth.KeyEpoch, p.Auth.SequenceHigh
		copy(b[4:authLength], p.Auth.Tag[:])
		b = b[authLength:]
	}
	if p.HasOTI {
		binary.BigEndian.PutUint64(b, p.OTI.TransferLength)
		b[0], b[1] = hetFTI, ftiLength/4
		binary.BigEndian.PutUint16(b[8:], fec.InstanceID)
		binary.BigEndian.PutUint16(b[10:], p.OTI.SymbolLength)
		binary.BigEndian.PutUint16(b[12:], p.OTI.MaxBlock)
		binary.BigEndian.PutUint16(b[14:], p.OTI.MaxSymbols)
		b = b[ftiLength:]
	}
	binary.BigEndian.PutUint32(b, p.SBN)
	binary.BigEndian.PutUint16(b[4:], p.SourceBlockLength)
	binary.BigEndian.PutUint16(b[6:], p.ESI)
	return append(dst, p.Payload...)
}

// Parse fills *p, every field of it, from one datagram. p.Payload aliases b. Header
// extensions that it does not know are skipped. It allocates nothing but the text of an
// impossible OTI. After an error, which is one of the sentinels of this package, *p has no
// meaning.
//
// What parses is sound in itself: the TOI is of a heartbeat or an object, and in the
// packet of an object 1 <= k <= 255, ESI < 255, the payload is not empty, and if there is
// an OTI it is valid, k and ESI are within it, and the payload is one symbol long. Whether
// it agrees with what is known of the object is the caller's question.
func Parse(b []byte, p *Packet) error {
	if len(b) < fixedLength+payloadIDLength {
		return ErrShort
	}
	first := binary.BigEndian.Uint16(b)
	switch {
	case first&versionMask != versionBits:
		return ErrVersion
	case first&flagsMask != flagsBits:
		return ErrFlags
	case b[3] != fec.EncodingID:
		return ErrCodepoint
	}
	header := int(b[2]) * 4
	if header < fixedLength {
		return ErrHeaderLength
	}
	if len(b) < header+payloadIDLength {
		return ErrShort
	}
	p.CloseSession = first&closeSessionBit != 0
	p.CloseObject = first&closeObjectBit != 0
	p.PacketSequence = binary.BigEndian.Uint32(b[4:])
	p.SendTime = binary.BigEndian.Uint32(b[8:])
	p.TSI = binary.BigEndian.Uint32(b[12:])
	p.TOI = binary.BigEndian.Uint32(b[16:])
	p.HasOTI, p.OTI = false, fec.OTI{}
	p.HasAuth, p.Auth = false, Auth{}
	if header > fixedLength {
		if err := parseExtensions(b[fixedLength:header], p); err != nil {
			return err
		}
	}
	id := b[header : header+payloadIDLength]
	p.SBN = binary.BigEndian.Uint32(id)
	p.SourceBlockLength = binary.BigEndian.Uint16(id[4:])
	p.ESI = binary.BigEndian.Uint16(id[6:])
	p.Payload = b[header+payloadIDLength:]
	return p.check()
}

// parseExtensions reads the header extensions in b, whose length is a multiple of 4.
func parseExtensions(b []byte, p *Packet) error {
	for len(b) > 0 {
		het, length := b[0], 4
		if het < hetOneWord {
			length = int(b[1]) * 4
		}
		if length == 0 || length > len(b) {
			return ErrExtension
		}
		switch het {
		case hetAuth:
			if p.HasAuth || length != authLength {
				return ErrExtension
			}
			p.HasAuth = true
			p.Auth.KeyEpoch, p.Auth.SequenceHigh = b[2], b[3]
			p.Auth.Tag = [16]byte(b[4:authLength])
		case hetFTI:
			if p.HasOTI || length != ftiLength {
				return ErrExtension
			}
			if binary.BigEndian.Uint16(b[8:]) != fec.InstanceID {
				return ErrOTI
			}
			p.HasOTI = true
			p.OTI.TransferLength = binary.BigEndian.Uint64(b) & fec.MaxTransferLength
			p.OTI.SymbolLength = binary.BigEndian.Uint16(b[10:])
			p.OTI.MaxBlock = binary.BigEndian.Uint16(b[12:])
			p.OTI.MaxSymbols = binary.BigEndian.Uint16(b[14:])
		}
		b = b[length:]
	}
	return nil
}

// check refuses a packet that contradicts itself.
func (p *Packet) check() error {
	if p.HasOTI && p.OTI.Validate() != nil {
		return ErrOTI
	}
	switch {
	case p.TOI == HeartbeatTOI:
		return nil
	case p.TOI == dataBit:
		return ErrTOI
	case p.SourceBlockLength == 0 || p.SourceBlockLength > fec.MaxSymbols || p.ESI >= fec.MaxSymbols:
		return ErrPayloadID
	case len(p.Payload) == 0:
		return ErrPayload
	case !p.HasOTI:
		return nil
	case p.SourceBlockLength > p.OTI.MaxBlock || p.ESI >= p.OTI.MaxSymbols:
		return ErrPayloadID
	case len(p.Payload) != int(p.OTI.SymbolLength):
		return ErrPayload
	}
	return nil
}
