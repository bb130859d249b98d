package edge

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// snapshotTimeout is how long /metrics waits for the loop.
const snapshotTimeout = time.Second

// metric is one number of a snapshot.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*snapshot) float64
}

// metrics is a prometheus.Collector that reads one snapshot of the loop for each scrape.
type metrics struct {
	edge    *Edge
	list    []metric
	dropped *prometheus.Desc
}

// newMetrics returns the handler of /metrics.
func newMetrics(e *Edge) http.Handler {
	m := &metrics{edge: e, dropped: prometheus.NewDesc("fanfare_edge_packets_invalid_total",
		"Datagrams of the group that were dropped, by reason.", []string{"reason"}, nil)}
	m.addEngine()
	m.addCache()
	m.addLoop()
	registry := prometheus.NewRegistry()
	registry.MustRegister(m, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// counter adds a metric that only grows.
func (m *metrics) counter(name, help string, value func(*snapshot) uint64) {
	m.list = append(m.list, metric{
		prometheus.NewDesc("fanfare_edge_"+name+"_total", help, nil, nil), prometheus.CounterValue,
		func(s *snapshot) float64 { return float64(value(s)) }})
}

// gauge adds a metric that may fall, too.
func (m *metrics) gauge(name, help string, value func(*snapshot) float64) {
	m.list = append(m.list, metric{
		prometheus.NewDesc("fanfare_edge_"+name, help, nil, nil), prometheus.GaugeValue, value})
}

func (m *metrics) addEngine() {
	m.counter("packets_received", "Packets of the session received, duplicates not included.", func(s *snapshot) uint64 { return s.engine.PacketsReceived })
	m.gauge("packets_lost", "Packets that did not come, by packet sequence; falls when one comes late after all.", func(s *snapshot) float64 { return float64(s.engine.PacketsLost) })
	m.counter("socket_drops", "Packets that this host's own receive buffer dropped, by the gaps in the packet sequence where the kernel says that it did; part of the lost ones.", func(s *snapshot) uint64 { return s.engine.SocketDrops })
	m.counter("packets_marked", "Packets that a router marked with ECN's Congestion Experienced.", func(s *snapshot) uint64 { return s.engine.PacketsMarked })
	m.counter("packets_foreign", "Packets of other sessions.", func(s *snapshot) uint64 { return s.engine.PacketsForeign })
	m.counter("packets_duplicate", "Packets of the session that came twice.", func(s *snapshot) uint64 { return s.engine.PacketsDuplicate })
	m.counter("packets_reordered", "Packets of the session that came after later ones.", func(s *snapshot) uint64 { return s.engine.PacketsReordered })
	m.counter("packets_contradicting", "Packets that contradict what is known of their object.", func(s *snapshot) uint64 { return s.engine.PacketsInvalid })
	m.counter("heartbeats_received", "Heartbeats that were newer than those before.", func(s *snapshot) uint64 { return s.engine.HeartbeatsReceived })
	m.counter("symbols_kept", "Encoding symbols that brought a block nearer to being whole.", func(s *snapshot) uint64 { return s.engine.SymbolsKept })
	m.counter("symbols_duplicate", "Encoding symbols that an open block had already.", func(s *snapshot) uint64 { return s.engine.SymbolsDuplicate })
	m.counter("symbols_unneeded", "Encoding symbols of what was whole already.", func(s *snapshot) uint64 { return s.engine.SymbolsUnneeded })
	m.counter("symbols_refused", "Encoding symbols that no table had room for.", func(s *snapshot) uint64 { return s.engine.SymbolsRefused })
	m.counter("blocks_whole", "Source blocks completed.", func(s *snapshot) uint64 { return s.engine.BlocksWhole })
	m.counter("blocks_failed", "Source blocks that had to be asked for anew.", func(s *snapshot) uint64 { return s.engine.BlocksFailed })
	m.counter("blocks_emptied", "Open source blocks that memory had no room for.", func(s *snapshot) uint64 { return s.engine.BlocksEmptied })
	m.counter("objects_refused", "Transport objects that no table had room for.", func(s *snapshot) uint64 { return s.engine.ObjectsRefused })
	m.counter("objects_whole", "Transport objects completed.", func(s *snapshot) uint64 { return s.engine.ObjectsWhole })
	m.counter("nacks_sent", "Feedback messages that ask for symbols.", func(s *snapshot) uint64 { return s.engine.NACKsSent })
	m.counter("blocks_asked", "Source blocks that NACKs asked for.", func(s *snapshot) uint64 { return s.engine.BlocksAsked })
	m.counter("nacks_suppressed", "Asks that a repair, or word of one, made needless.", func(s *snapshot) uint64 { return s.engine.NACKsSuppressed })
	m.counter("reports_sent", "Feedback messages with a report.", func(s *snapshot) uint64 { return s.engine.ReportsSent })
	m.counter("backlogs_sent", "Feedback messages that only tell how full the receive buffer is.", func(s *snapshot) uint64 { return s.engine.BacklogsSent })
	m.counter("sender_restarts", "New instances of the sender heard after the first.", func(s *snapshot) uint64 { return s.engine.SenderRestarts })
	m.gauge("rtt_seconds", "This edge's round trip to the origin, in seconds; 0 if not measured.", func(s *snapshot) float64 { return s.engine.RTT.Seconds() })
	m.gauge("grtt_seconds", "The group's largest round trip as the origin says, in seconds.", func(s *snapshot) float64 { return s.engine.GRTT.Seconds() })
	m.gauge("edges", "Edges of the group, as the origin says.", func(s *snapshot) float64 { return float64(s.engine.Edges) })
	m.gauge("loss_event_ratio", "Loss events as a part of the packets, 0 to 1 (RFC 5348), by which an adaptive origin finds its rate.", func(s *snapshot) float64 { return float64(s.engine.LossEventPPM) / 1e6 })
	m.gauge("loss_ratio", "Recent loss as a part of the packets, 0 to 1.", func(s *snapshot) float64 { return float64(s.engine.LossPPM) / 1e6 })
	m.gauge("backlog_ratio", "How full the receive buffer was when the edge last looked, 0 to 1. From an eighth on the origin is told, and sends more slowly if more than a fifth of the edges are as far behind.", func(s *snapshot) float64 { return float64(s.engine.BacklogPPM) / 1e6 })
	m.gauge("blocks_to_fetch", "Source blocks that failed their digest and wait to be fetched over HTTP.", func(s *snapshot) float64 { return float64(s.engine.BlocksPoisoned) })
	m.gauge("open_blocks", "Source blocks of which something, but not all, is here.", func(s *snapshot) float64 { return float64(s.engine.OpenBlocks) })
}

func (m *metrics) addCache() {
	m.counter("blocks_written", "Source blocks written to disk.", func(s *snapshot) uint64 { return s.cache.BlocksWritten })
	m.counter("blocks_decoded", "Source blocks that needed repair symbols.", func(s *snapshot) uint64 { return s.cache.BlocksDecoded })
	m.counter("blocks_poisoned", "Source blocks that failed their digest.", func(s *snapshot) uint64 { return s.cache.BlocksPoisoned })
	m.counter("blocks_resumed", "Source blocks found whole on disk at the start.", func(s *snapshot) uint64 { return s.cache.BlocksResumed })
	m.counter("blocks_spilled", "Open blocks written early for want of memory.", func(s *snapshot) uint64 { return s.cache.BlocksSpilled })
	m.counter("symbols_spilled", "Repair symbols that went to disk for want of memory.", func(s *snapshot) uint64 { return s.cache.SymbolsSpilled })
	m.counter("bundles_committed", "Bundles that became complete.", func(s *snapshot) uint64 { return s.cache.BundlesCommitted })
	m.counter("bundles_evicted", "Complete bundles that went for the size limit.", func(s *snapshot) uint64 { return s.cache.BundlesEvicted })
	m.counter("bundles_dropped", "Bundles whose objects were purged or superseded.", func(s *snapshot) uint64 { return s.cache.BundlesDropped })
	m.counter("bundles_failed", "Failures to store a bundle.", func(s *snapshot) uint64 { return s.cache.BundlesFailed })
	m.counter("bundles_lost", "Complete bundles whose file was found gone, cut short or unreadable, and that are fetched again.", func(s *snapshot) uint64 { return s.cache.BundlesLost })
	m.counter("entries_applied", "Entries of the log taken for the first time.", func(s *snapshot) uint64 { return s.cache.EntriesApplied })
	m.gauge("cache_bytes", "Size of the bundle files, in bytes.", func(s *snapshot) float64 { return float64(s.cache.Bytes) })
	m.gauge("cache_bundles", "Number of bundle files.", func(s *snapshot) float64 { return float64(s.cache.Bundles) })
	m.gauge("cache_rows", "Keys in the catalogue.", func(s *snapshot) float64 { return float64(s.cache.Rows) })
	m.gauge("cache_memory_bytes", "Memory that symbols of unfinished blocks take, in bytes.", func(s *snapshot) float64 { return float64(s.cache.MemoryBytes) })
	m.counter("requests_hit", "HTTP requests answered with an object.", func(s *snapshot) uint64 { return s.cache.RequestsHit })
	m.counter("requests_absent", "HTTP requests answered 404.", func(s *snapshot) uint64 { return s.cache.RequestsAbsent })
	m.counter("requests_unavailable", "HTTP requests answered 503.", func(s *snapshot) uint64 { return s.cache.RequestsUnavailable })
	m.counter("requests_invalid", "HTTP requests answered 400 or 405.", func(s *snapshot) uint64 { return s.cache.RequestsInvalid })
}

func (m *metrics) addLoop() {
	m.counter("entries_received", "Entries that came by multicast.", func(s *snapshot) uint64 { return s.loop.EntriesReceived })
	m.counter("entries_fetched", "Entries that came over HTTP.", func(s *snapshot) uint64 { return s.loop.EntriesFetched })
	m.counter("fetches", "Catch-ups over HTTP.", func(s *snapshot) uint64 { return s.loop.Fetches })
	m.counter("fetches_failed", "Catch-ups over HTTP that failed.", func(s *snapshot) uint64 { return s.loop.FetchesFailed })
	m.counter("blocks_fetched", "Source blocks that came over HTTP, for want of multicast.", func(s *snapshot) uint64 { return s.engine.BlocksSupplied })
	m.counter("blocks_fetched_twice", "Source blocks that came over HTTP, and by multicast before.", func(s *snapshot) uint64 { return s.loop.BlocksFetchedTwice })
	m.counter("blocks_fetched_wrong", "Source blocks that came over HTTP and failed their digest: the origin's spool is damaged.", func(s *snapshot) uint64 { return s.loop.BlocksFetchedWrong })
	m.counter("block_bytes_fetched", "Bytes of blocks that came over HTTP.", func(s *snapshot) uint64 { return s.loop.BytesFetched })
	m.counter("block_fetches", "Requests for blocks over HTTP.", func(s *snapshot) uint64 { return s.loop.BlockFetches })
	m.counter("block_fetches_failed", "Requests for blocks over HTTP that failed.", func(s *snapshot) uint64 { return s.loop.BlockFetchesFailed })
	m.counter("feedback_sent", "Feedback messages sent.", func(s *snapshot) uint64 { return s.loop.FeedbackSent })
	m.counter("datagrams_received", "Datagrams of the group, before any check.", func(s *snapshot) uint64 { return s.group.PacketsReceived })
	m.counter("datagram_bytes_received", "Payload bytes of the group's datagrams.", func(s *snapshot) uint64 { return s.group.BytesReceived })
	m.counter("trains_received", "Trains of the group's datagrams that the kernel passed as one.", func(s *snapshot) uint64 { return s.group.TrainsReceived })
	m.counter("datagrams_truncated", "Datagrams longer than any packet of ours.", func(s *snapshot) uint64 { return s.group.PacketsTruncated })
	m.counter("feedback_unreachable", "ICMP errors that feedback was answered with.", func(s *snapshot) uint64 { return s.sent.Unreachable })
	m.gauge("receive_buffer_bytes", "Receive buffer that the kernel granted, in bytes.", func(s *snapshot) float64 { return float64(s.group.ReceiveBuffer) })
	m.gauge("bundles_on_their_way", "Bundles being received.", func(s *snapshot) float64 { return float64(s.bundles) })
	m.gauge("bundles_to_commit", "Received bundles that are being made durable.", func(s *snapshot) float64 { return float64(s.commits) })
	m.gauge("mark", "Sequence up to which the catalogue is exact.", func(s *snapshot) float64 { return float64(s.mark) })
	m.gauge("head", "Newest sequence of the origin's log that was heard of.", func(s *snapshot) float64 { return float64(s.head) })
	m.gauge("ready", "1 once the edge has caught up.", func(s *snapshot) float64 { return oneIf(s.ready) })
	m.gauge("origin_outdated", "1 while the origin runs on an older copy of its directory and lacks what this edge has.", func(s *snapshot) float64 { return oneIf(s.outdated) })
	m.gauge("demoted", "1 while the origin does not answer this edge's NACKs, since it cannot keep up.", func(s *snapshot) float64 { return oneIf(s.demoted) })
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Describe sends what Collect may send.
func (m *metrics) Describe(descs chan<- *prometheus.Desc) {
	descs <- m.dropped
	for _, metric := range m.list {
		descs <- metric.desc
	}
}

// Collect asks the loop for a snapshot; without an answer the edge's own numbers are left out.
func (m *metrics) Collect(values chan<- prometheus.Metric) {
	s := m.edge.askSnapshot()
	if s == nil {
		return
	}
	for reason, n := range s.dropped {
		values <- prometheus.MustNewConstMetric(m.dropped, prometheus.CounterValue, float64(n), reason)
	}
	for _, metric := range m.list {
		values <- prometheus.MustNewConstMetric(metric.desc, metric.kind, metric.value(s))
	}
}

// askSnapshot returns nil if the loop does not answer in time, as before it runs.
func (e *Edge) askSnapshot() *snapshot {
	if e.turned.Load() == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), snapshotTimeout)
	defer cancel()
	reply := make(chan *snapshot, 1)
	select {
	case e.results <- snapshotRequest{reply}:
		e.poller.Wake()
	case <-ctx.Done():
		return nil
	}
	select {
	case s := <-reply:
		return s
	case <-ctx.Done():
		return nil
	}
}
