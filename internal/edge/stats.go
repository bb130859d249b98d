package edge

import (
	"fanfare/edgecache"
	"fanfare/internal/mcast"
	"fanfare/receiver"
)

// Stats counts what the loop did since the edge's start.
type Stats struct {
	// EntriesReceived counts entries that came by multicast, EntriesFetched those over HTTP.
	EntriesReceived, EntriesFetched uint64
	// Fetches counts catch-ups over HTTP, FetchesFailed those that failed.
	Fetches, FetchesFailed uint64
	// BlockFetches counts requests for blocks over HTTP, BlockFetchesFailed those that failed,
	// BytesFetched what came and was good. BlocksFetchedTwice counts blocks that multicast had
	// brought meanwhile, BlocksFetchedWrong those that did not match their digest.
	BlockFetches, BlockFetchesFailed       uint64
	BytesFetched                           uint64
	BlocksFetchedTwice, BlocksFetchedWrong uint64
	// FeedbackSent counts feedback messages given to the network, FeedbackInjected those thrown
	// away on purpose.
	FeedbackSent, FeedbackInjected uint64
}

// snapshot is what /metrics shows of the loop.
type snapshot struct {
	loop        Stats
	engine      receiver.Stats
	cache       edgecache.Stats
	group, sent mcast.Stats // the sockets that receive and send
	// dropped counts datagrams by reason.
	dropped packetCounts
	// bundles are on their way, commits wait for the disk.
	bundles, commits int
	mark, head       uint64
	ready, demoted   bool
	outdated         bool // the origin
}

// snapshotRequest asks the loop for a snapshot; reply has room for it.
type snapshotRequest struct{ reply chan<- *snapshot }

func (l *loop) snapshot() *snapshot {
	s := &snapshot{
		loop: l.stats, engine: l.engine.Stats(), cache: l.cache.Stats(),
		group:   l.edge.group.Stats(),
		dropped: make(packetCounts, len(l.counts)),
		bundles: len(l.bundles), commits: len(l.committing),
		head: l.feed.head.Sequence, ready: l.warmUp.ready, demoted: l.unicast.demoted,
		outdated: l.doubt.outdated,
	}
	if l.edge.unicast != nil {
		s.sent = l.edge.unicast.Stats()
	}
	s.mark, _ = l.cache.Position()
	for reason, n := range l.counts {
		s.dropped[reason] = n
	}
	return s
}
