package wire

import "time"

// Limits of a feedback message. What an edge has to say beyond them waits for the next one.
const (
	MaxNACKs    = 128
	MaxName     = 64 // bytes of an edge's name
	MaxRanges   = 16
	MaxFailures = 8
	MaxReason   = 96 // bytes of a failure's reason
	MaxProgress = 4
	// MaxFeedback is the largest encoded message, in bytes.
	MaxFeedback = 1400
	// NeedAll is an erasure count for a block of which nothing is known, not even its size.
	NeedAll = 0xffff
)

// Feedback is one datagram from an edge to the origin: what is missing, and now and then
// how far the edge is.
type Feedback struct {
	TSI uint32
	// Edge is the sender of the feedback.
	Edge uint64
	// Counter grows with every message of an edge, restarts included: against replay.
	Counter uint64
	// Instance is the sender's, as last heard; PacketSequence and EchoTime belong to it.
	Instance uint64
	// PacketSequence is the highest packet sequence number received.
	PacketSequence uint32
	// EchoTime is the SendTime of the newest packet received, EchoHeld how long ago that was:
	// from both the sender measures the round trip.
	EchoTime uint32
	EchoHeld time.Duration

	NACKs []NACK
	// Report is nil in a message that only asks.
	Report *Report
}

// NACK asks for Symbols more encoding symbols, any, of each of Count blocks from SBN: an
// erasure count (RFC 5740 §4.3.1).
type NACK struct {
	TOI, SBN, Count uint32
	Symbols         uint16
}

// Report says what an edge has, all of it durable before it is said, and how it fares.
type Report struct {
	Name string
	// GenerationOrder and GenerationRandom are the generation that the sequences belong to.
	GenerationOrder  uint32
	GenerationRandom uint64
	// Mark is the sequence up to which the catalogue is exact, Digest that of its rows.
	Mark   uint64
	Digest [32]byte
	// Complete is the sequence up to which every entry is in force and every bundle that
	// still matters can be served.
	Complete uint64
	// Done has sequences above Complete of which the same is true, ascending.
	Done []SequenceRange
	// Failed has bundles that the edge could not store, and why.
	Failed []Failure
	// Progress has bundles that are on their way.
	Progress []Progress

	PacketsReceived uint64
	PacketsLost     uint64 // in the network, by packet sequence
	SocketDrops     uint64 // by this edge's own full receive buffer; part of PacketsLost too
	NACKsSent       uint64
	BlocksDecoded   uint64 // with repair symbols
	BlocksPoisoned  uint64 // that failed their digest
	// LossPPM is the recent loss, in packets per million.
	LossPPM uint32
}

// SequenceRange is the entries From to To, both included.
type SequenceRange struct{ From, To uint64 }

// Failure is a bundle that an edge could not store.
type Failure struct {
	Sequence uint64
	Reason   string
}

// Progress is how many source blocks of a bundle an edge has.
type Progress struct {
	Sequence uint64
	Blocks   uint32
}
