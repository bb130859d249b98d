package sender

import (
	"time"

	"fanfare/internal/mono"
)

// Stats counts what an Engine did. Counters only grow; the gauges at the end are as of now.
type Stats struct {
	// PacketsSent and BytesSent count all packets, with Config.PacketOverhead.
	PacketsSent, BytesSent uint64
	// SourceSymbolsSent counts first transmissions of source symbols of data objects.
	SourceSymbolsSent uint64
	// ProactiveSymbolsSent counts repair symbols of data objects sent unasked.
	ProactiveSymbolsSent uint64
	// RepairSymbolsSent counts symbols of data objects sent because an edge asked.
	RepairSymbolsSent uint64
	// MarginSymbolsSent counts those of them that were added to what an edge asked for, so that it
	// need not ask again.
	MarginSymbolsSent uint64
	// ControlPacketsSent counts packets of control objects, HeartbeatsSent heartbeats.
	ControlPacketsSent, HeartbeatsSent uint64

	// FeedbackReceived counts feedback messages, NACKsReceived those that ask for something.
	FeedbackReceived, NACKsReceived uint64
	// FeedbackIgnored counts messages that came although Config.OneWay is set.
	FeedbackIgnored uint64
	// FeedbackForeign counts messages of another session, FeedbackStale those that came out
	// of order or twice: what they ask for is answered all the same, which does no harm.
	FeedbackForeign, FeedbackStale uint64
	// BlocksAsked counts asks for one block, AsksMerged those that added nothing to what was
	// going to be sent anyway.
	BlocksAsked, AsksMerged uint64
	// AsksInvalid counts asks for what cannot exist.
	AsksInvalid uint64
	// AsksUnknown counts asks for objects that are not held.
	AsksUnknown uint64
	// AsksRefused counts asks for blocks beyond Config.MaxRepairBlocks, or beyond what one
	// message may ask for, or beyond what one edge may have queued.
	AsksRefused uint64
	// NACKsDemoted counts messages whose asks for data were not answered since the edge is
	// demoted, NACKsDeferred those that were put off since it is an outlier.
	NACKsDemoted, NACKsDeferred uint64
	// EdgesRefused counts feedback of edges beyond Config.MaxEdges.
	EdgesRefused uint64

	// Objects is how many are held, RepairBlocks how many blocks have repair state.
	Objects, RepairBlocks int
	// BlocksUnfinished is how many blocks count for Config.MaxUnfinished.
	BlocksUnfinished int
	// RepairQueue is how many symbols are still to be sent for asks.
	RepairQueue int
	// Edges is the number of edges heard of lately, EdgesDemoted how many of them are demoted.
	Edges, EdgesDemoted int
	// EdgesBacklogged is how many of the edges that are well have a receive buffer fuller than an
	// eighth.
	EdgesBacklogged int
	// Rate is what is sent at most at present, in bits per second; RateAllowed is what it would be
	// but for edges that cannot keep up: Config.Rate, or less if that adapts, see Config.MinRate.
	Rate, RateAllowed int
	// GRTT is the largest round trip of the group as estimated.
	GRTT time.Duration
}

// EdgeInfo is what the engine knows of one edge.
type EdgeInfo struct {
	// RTT is the smoothed round trip, 0 if not measured.
	RTT time.Duration
	// LossPPM is the loss that the edge last reported, in packets per million.
	LossPPM uint32
	// Demoted says that its NACKs are not answered; see DemoteConfig.
	Demoted bool
	// Heard is when the last feedback came.
	Heard mono.Time
}
