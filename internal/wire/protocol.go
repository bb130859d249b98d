package wire

import "time"

// What sender and receivers take each other to do, though no field says it.
const (
	// MaxInterleave is how many source blocks take turns at most where receivers ask: a source symbol
	// so many blocks further on says that a block has been sent in full.
	MaxInterleave = 8
	// BackoffGroup is the largest group in which nobody waits before it asks. In larger ones a
	// receiver waits for up to BackoffFactor GRTT (K in RFC 5401 §3.2). NACKs go unicast and are heard
	// of in the sender's echo a round trip later: with K = 6, 1,000 receivers that all lost something
	// send 4.7 on average, with K = 4 they send 9.5.
	BackoffGroup  = 64
	BackoffFactor = 6
	// BusyReportInterval is the least time between two regular reports of a receiver while symbols
	// come, MaxReportInterval the most that Heartbeat.ReportInterval can make of it.
	BusyReportInterval = 250 * time.Millisecond
	MaxReportInterval  = 10 * time.Minute
	// MaxHeartbeatInterval is the longest time between two heartbeats of an idle sender.
	MaxHeartbeatInterval = time.Second
)
