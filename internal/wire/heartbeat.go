package wire

import "time"

// Limits of a heartbeat. What a sender has to say beyond them waits for the next one.
const (
	MaxHead        = 256 // bytes of the signed head
	MaxPositions   = 8
	MaxOutstanding = 96
	MaxEchoes      = 16
)

// Heartbeat is the message of a packet with HeartbeatTOI: where the log and the
// transmission stand. All but Head are hints that whoever reads them must clamp.
type Heartbeat struct {
	// Instance is drawn at each start of the sender; with a new one packet sequence numbers
	// and send times begin anew.
	Instance uint64
	// Head is the signed statement of the log's head, opaque to the engines.
	Head []byte
	// Rate is what the sender may send at most, in bits per second.
	Rate uint64
	// GRTT is the largest round trip in the group, as the sender estimates it.
	GRTT time.Duration
	// Edges is the number of live edges: the group size of RFC 5401.
	Edges uint32
	// Started is the newest data TOI whose first pass has begun (0: none yet). A data object
	// up to Started that First does not list has been sent once in full.
	Started uint32
	// First has the objects in their first pass: every block below SBN has been sent.
	First []Position
	// Outstanding is what is already being repaired (REPAIR_ADV): of each block of a range
	// Symbols are still to be sent.
	Outstanding []Outstanding
	// Truncated says that more is outstanding than is listed, so that the absence of a block
	// says nothing.
	Truncated bool
	// Echoes acknowledges the feedback that came since the last heartbeat, newest first.
	Echoes []Echo
}

// Position is how far the first pass of an object has come.
type Position struct {
	TOI, SBN uint32
}

// Outstanding is a run of Count blocks from SBN, each with Symbols still to be sent.
type Outstanding struct {
	TOI, SBN, Count uint32
	Symbols         uint16
}

// Echo tells one edge which of its feedback messages arrived, and how long ago: from it an
// edge measures its own round trip.
type Echo struct {
	Edge    uint64
	Counter uint64
	Held    time.Duration
}
