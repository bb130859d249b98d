package wire

// The 32-bit Transport Object Identifier says what a packet belongs to:
//
//	0                       heartbeat: one packet, no object, never repaired
//	1 .. 2^31-1             control object: carries the log entry of that sequence
//	2^31+1 .. 2^32-1        data object: carries the bundle which that entry publishes
//
// Both follow from the entry's sequence (from 1), counted modulo 2^31-1, so that whoever
// knows that an entry must exist can name its packets.
const (
	// HeartbeatTOI is the TOI of heartbeats.
	HeartbeatTOI uint32 = 0

	dataBit   uint32 = 1 << 31
	toiModulo uint64 = 1<<31 - 1
)

// ControlTOI returns the TOI of the control object that carries entry sequence.
func ControlTOI(sequence uint64) uint32 { return uint32((sequence-1)%toiModulo) + 1 }

// DataTOI returns the TOI of the data object that carries the bundle of entry sequence.
func DataTOI(sequence uint64) uint32 { return dataBit | ControlTOI(sequence) }

// IsData reports whether toi is of a data object.
func IsData(toi uint32) bool { return toi > dataBit }

// IsControl reports whether toi is of a control object.
func IsControl(toi uint32) bool { return toi != HeartbeatTOI && toi < dataBit }

// Sequence returns the entry sequence that toi, of a control or a data object, stands for:
// of all that have this TOI the one nearest to near, which is any sequence known to be
// less than 2^30 away. It returns 0, which no entry has, if toi is of no object.
func Sequence(toi uint32, near uint64) uint64 {
	if toi&^dataBit == 0 {
		return 0
	}
	base := uint64(toi&^dataBit) - 1
	if near == 0 {
		near = 1
	}
	at := (near - 1) % toiModulo
	sequence := near - 1 - at + base
	if base > at && base-at > toiModulo/2 && sequence >= toiModulo {
		sequence -= toiModulo
	} else if at > base && at-base > toiModulo/2 {
		sequence += toiModulo
	}
	return sequence + 1
}
