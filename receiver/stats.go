package receiver

import "time"

// Stats counts what an Engine did. Counters only grow, but for PacketsLost; the gauges at
// the end are as of now.
type Stats struct {
	// PacketsReceived counts packets of the session, duplicates not included.
	PacketsReceived uint64
	// PacketsLost counts sequence numbers that did not come; one that comes late is taken
	// out again.
	PacketsLost uint64
	// PacketsDuplicate counts packets that came twice, PacketsReordered those that came late.
	PacketsDuplicate, PacketsReordered uint64
	// SocketDrops counts packets that this host's own receive buffer dropped, by the gaps in the
	// sequence numbers where it did; they are part of PacketsLost too.
	SocketDrops uint64
	// PacketsMarked counts packets with ECN's Congestion Experienced.
	PacketsMarked uint64
	// PacketsForeign counts packets of other sessions, PacketsInvalid those that contradict
	// what is known of their object.
	PacketsForeign, PacketsInvalid uint64
	// HeartbeatsReceived counts heartbeats that were newer than those before.
	HeartbeatsReceived uint64

	// SymbolsKept counts symbols that brought a block nearer to being whole.
	SymbolsKept uint64
	// SymbolsDuplicate counts symbols that an open block had already.
	SymbolsDuplicate uint64
	// SymbolsUnneeded counts symbols of blocks or objects that were whole already.
	SymbolsUnneeded uint64
	// SymbolsRefused counts symbols that no table had room for.
	SymbolsRefused uint64
	// BlocksWhole counts blocks with a good result, BlocksDecoded those of them that needed
	// repair symbols, BlocksFailed bad results.
	BlocksWhole, BlocksDecoded, BlocksFailed uint64
	// BlocksEmptied counts blocks whose symbols the store lost before they were enough.
	BlocksEmptied uint64
	// BlocksSupplied counts blocks that came otherwise than from packets.
	BlocksSupplied uint64
	// ObjectsWhole counts objects completed.
	ObjectsWhole uint64
	// ObjectsRefused counts Expect calls and first packets that found no room.
	ObjectsRefused uint64

	// NACKsSent counts feedback messages that ask, BlocksAsked the blocks in them.
	NACKsSent, BlocksAsked uint64
	// NACKsSuppressed counts asks for a block that were not sent because what is missing
	// came, or was said to be coming, during the back-off.
	NACKsSuppressed uint64
	// ReportsSent counts feedback messages with a report.
	ReportsSent uint64
	// BacklogsSent counts feedback messages that tell of the backlog in the receive buffer only.
	BacklogsSent uint64
	// SenderRestarts counts new instances heard after the first.
	SenderRestarts uint64

	// Objects is how many are held, OpenBlocks how many of their blocks have state.
	Objects, OpenBlocks int
	// BlocksPoisoned is how many blocks failed and wait to be supplied.
	BlocksPoisoned int
	// RTT is this receiver's own round trip, 0 if not measured. GRTT and Edges are the
	// sender's hints, clamped.
	RTT, GRTT time.Duration
	Edges     int
	// BacklogPPM is how much of the receive buffer was taken at the last look, in parts per million.
	BacklogPPM uint32
	// LossPPM is the recent loss, in packets per million; LossEventPPM the loss event rate of RFC
	// 5348 §5, in events per million packets.
	LossPPM, LossEventPPM uint32
}
