package sender

import (
	"math"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// budget works out how often edges should report, so that all of them together take no more
// than a share of the sending rate, as RTCP does (RFC 3550 §6.2), and no more messages a second
// than the origin wants to take in. NACKs are not in it: back-off, suppression and proactive
// repair keep them few.
type budget struct {
	// rate is Config.FeedbackRate, of which reports may take half.
	rate float64
	// expected is how many edges are taken to be there until all of them had time to report.
	expected int
	until    mono.Time
	// overhead is Config.PacketOverhead, size the smoothed length of reports without it, in bytes.
	overhead, size float64
	scratch        []byte
	// lifetime is how long after its last feedback an edge counts as live.
	lifetime time.Duration
}

const (
	// reportShare of the rate is what reports may take in groups of up to reportGroup edges. In
	// larger ones it falls with the square root of their number: to a tenth at 10,000 edges.
	reportShare = 0.005
	reportGroup = 100
	// reportBytes is taken for the length of a report until there was one.
	reportBytes = 170
	reportGain  = 16
	// edgeLifetime is how long an edge counts as live at least, lifetimeIntervals for how many
	// intervals between reports: receivers stretch them by up to a half, and one may be lost.
	edgeLifetime      = 10 * time.Second
	lifetimeIntervals = 4
)

func newBudget(cfg Config, now mono.Time) budget {
	b := budget{
		rate: float64(cfg.FeedbackRate), overhead: float64(cfg.PacketOverhead), size: reportBytes,
		scratch: make([]byte, 0, wire.MaxFeedback), lifetime: edgeLifetime, expected: cfg.ExpectedEdges,
	}
	b.until = now.Add(max(edgeLifetime, 2*b.interval(cfg.ExpectedEdges, cfg.Rate)))
	return b
}

// hear takes note of how long a report is.
func (b *budget) hear(f *wire.Feedback) {
	b.scratch = wire.AppendFeedback(b.scratch[:0], f)
	b.size += (float64(len(b.scratch)) - b.size) / reportGain
}

// group returns how many edges there are, if so many are known of.
func (b *budget) group(now mono.Time, known int) int {
	if now < b.until {
		return max(known, b.expected)
	}
	return known
}

// interval returns the mean time between two reports of one of so many edges at a sending rate
// in bits per second.
func (b *budget) interval(edges int, rate uint64) time.Duration {
	n, share := float64(edges), reportShare
	if edges > reportGroup {
		share *= math.Sqrt(reportGroup / n)
	}
	byBytes := n * (b.size + b.overhead) * 8 / (share * float64(rate))
	byMessages := n / (b.rate / 2)
	return time.Duration(min(max(byBytes, byMessages), wire.MaxReportInterval.Seconds()) * float64(time.Second))
}

// age moves lifetime to what fits an interval, some time after the last call. It falls by half of
// that time only: when many edges go at once the others, which still follow the longer interval,
// must not seem to be gone too.
func (b *budget) age(interval, since time.Duration) {
	fitting := max(edgeLifetime, lifetimeIntervals*interval)
	b.lifetime = max(fitting, b.lifetime-since/2)
}
