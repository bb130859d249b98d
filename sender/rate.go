package sender

import (
	"math"
	"slices"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// rateControl decides how fast the engine sends: always at Config.Rate on a provisioned path, else
// between Config.MinRate and that as RFC 8085 §4.1 asks of multicast. Each edge reports its loss event
// rate, from which, with its round trip, follows what TCP would send to it (RFC 5348 §3.1). The sender
// follows a low quantile of that over the edges that are well: an edge worse than nine others in ten
// does not slow them, and if it is much worse it is demoted.
//
// It begins at MinRate and doubles as long as the quantile allows it and the rate is made use of (slow
// start). If nobody reports while it sends, or it has not sent for long, it falls back by halves.
type rateControl struct {
	least, most float64 // bits per second; equal if the rate is fixed
	current     float64
	// raised is when the rate was last allowed to grow, and bytes what had been sent by then.
	raised mono.Time
	bytes  uint64
	// measured is when the edges were last compared, heard when anyone last reported or there was
	// nothing to send, busy when there last was something.
	measured, heard, busy mono.Time
	allowed               []float64
}

const (
	// rateSkip is one in how many edges may be slower than what is sent.
	rateSkip = 10
	// raiseInterval is the least between two doublings, or raiseTrips round trips: an edge that
	// sees a loss event out of the ordinary reports at once, so that no news is good news.
	raiseInterval = 100 * time.Millisecond
	raiseTrips    = 2
	// silenceInterval is the least time without reports after which the rate is halved, or
	// silenceTrips round trips, or silenceReports intervals of reports.
	silenceInterval = time.Second
	silenceTrips    = 4
	silenceReports  = 3
	// idleKeep is how long a rate is believed to fit the path that nothing is sent on.
	idleKeep = 30 * time.Second
	// nominalPacket is the length of packets in the equation, in bytes (RFC 5348 §4.1).
	nominalPacket = 1460
	// minRateRTT is the least round trip in the equation: on a LAN hosts take longer than the path.
	minRateRTT = time.Millisecond
	// reportParts: see reported.
	reportParts = 16
)

func newRateControl(cfg Config, now mono.Time) rateControl {
	r := rateControl{least: float64(cfg.Rate), most: float64(cfg.Rate), raised: now, heard: now, busy: now}
	if cfg.MinRate != 0 {
		r.least = float64(cfg.MinRate)
	}
	r.current = r.least
	return r
}

// adaptive reports whether the rate changes at all.
func (r *rateControl) adaptive() bool { return r.least < r.most }

// tcpRate returns what TCP sends in bits per second at a round trip and a loss event rate in parts
// of a million (RFC 5348 §3.1, with b = 1 and t_RTO = 4R): without limit if that is 0.
func tcpRate(rtt time.Duration, eventPPM uint32) float64 {
	if eventPPM == 0 {
		return math.Inf(1)
	}
	p, r := float64(eventPPM)/1e6, max(rtt, minRateRTT).Seconds()
	return nominalPacket * 8 / (r * (math.Sqrt(2*p/3) + 12*math.Sqrt(3*p/8)*p*(1+32*p*p)))
}

// target returns what the edges that are well allow, and whether there are any.
func (r *rateControl) target(s *edges, grtt time.Duration) (float64, bool) {
	r.allowed = r.allowed[:0]
	for _, e := range s.table { // sorted below
		if e.Demoted || e.standing.outlier || !e.reported {
			continue
		}
		rtt := e.RTT
		if rtt == 0 {
			rtt = grtt
		}
		r.allowed = append(r.allowed, tcpRate(rtt, e.eventPPM))
	}
	if len(r.allowed) == 0 {
		return 0, false
	}
	slices.Sort(r.allowed)
	return r.allowed[len(r.allowed)/rateSkip], true
}

// adapt follows a report that has come.
func (e *Engine) adapt(now mono.Time) {
	r := &e.rate
	if !r.adaptive() {
		return
	}
	r.heard = now
	if now.Sub(r.measured) < time.Duration(len(e.edges.table))*measureInterval {
		return
	}
	r.measured = now
	target, ok := r.target(&e.edges, e.grtt.estimate())
	if !ok {
		return
	}
	if target < r.current {
		e.setRate(now, target)
		r.raised, r.bytes = now, e.stats.BytesSent
		return
	}
	interval := max(raiseInterval, raiseTrips*e.grtt.estimate())
	if len(e.edges.table) > wire.BackoffGroup { // where news is spread over an interval
		interval = max(interval, e.reportInterval(now))
	}
	d := now.Sub(r.raised)
	if d < interval {
		return
	}
	used := float64(e.stats.BytesSent-r.bytes) * 8 / d.Seconds()
	r.raised, r.bytes = now, e.stats.BytesSent
	if used >= r.current/2 {
		e.setRate(now, min(target, 2*r.current))
	}
}

// fallBack halves the rate if nobody reports while there is something to send, or if there was
// nothing for so long that the path may have become another.
func (e *Engine) fallBack(now mono.Time) {
	r := &e.rate
	if !r.adaptive() {
		return
	}
	if e.activity() == idle {
		r.heard = now
		if now.Sub(r.busy) >= idleKeep {
			r.busy = now
			e.setRate(now, r.current/2)
		}
		return
	}
	r.busy = now
	patience := max(silenceInterval, silenceTrips*e.grtt.estimate(), silenceReports*max(wire.BusyReportInterval, e.reportInterval(now)))
	if now.Sub(r.heard) >= patience {
		r.heard = now
		e.setRate(now, r.current/2)
	}
}

// setRate changes the rate, within its bounds, and what follows it.
func (e *Engine) setRate(now mono.Time, rate float64) {
	r := &e.rate
	rate = min(max(rate, r.least), r.most)
	if rate == r.current {
		return
	}
	r.current = rate
	e.pace(now)
	e.repairs.purse = newPurse(r.bitRate())
}

// hearRate takes what a report says of congestion.
func (e *edge) hearRate(r *wire.Report) {
	e.eventPPM, e.reported = min(r.LossEventPPM, 1e6), true
}

// bitRate returns the rate as it is now, in bits per second.
func (r *rateControl) bitRate() uint64 { return uint64(r.current + 0.5) }

// reported returns the rate whose share reports may take: that of now, but no less than one part in
// reportParts of the most. A slow sender without reports could not become faster: at 1 Mb/s 20 edges
// would report every 7 seconds.
func (r *rateControl) reported() uint64 { return uint64(max(r.current, r.most/reportParts)) }
