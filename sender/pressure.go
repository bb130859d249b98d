package sender

import (
	"cmp"
	"math"
	"slices"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// pressure makes the engine send no faster than the edges take in. An edge whose receive buffer fills
// tells how full it is, and at what rate it empties it, before it overflows: what a buffer drops
// costs repair, which costs the edge more than it could bear as it is.
//
// As many slow edges as may be demoted slow nobody: they lose, and are repaired or demoted. If
// there are more, their repair costs the others more than a rate that suits them; so the engine
// sends at that, but at no less than half of what it may, unless half of all edges can take no
// more. At first the engine sends at that rate, less a part by which the buffers get emptier; once
// none is fuller than an eighth the rate grows again, slowly enough that word of a backlog comes in
// time. If edges are heard to be behind no more, for whatever reason, nothing of it stays for long.
type pressure struct {
	// intake is the rate at which the edges took in when last behind, in bits per second, and at when
	// that was; 0: nobody was. drain is by which part less is sent, growth what the intake has been
	// multiplied by since.
	intake float64
	at     mono.Time
	drain  float64
	// current is what is sent at most, in bits per second.
	current float64
	// measured is when the edges were last compared, paced when the rate last changed.
	measured, paced mono.Time
	wishes          []wish
	slowness        slowness
}

// wish is the rate that an edge would have, as intake and drain.
type wish struct{ rate, intake, drain float64 }

// compare orders wishes by their rate, and all else so that the order of the table does not show.
func (w wish) compare(other wish) int {
	return cmp.Or(cmp.Compare(w.rate, other.rate), cmp.Compare(w.intake, other.intake))
}

// newPressure returns one that allows a rate in bits per second.
func newPressure(rate float64) pressure { return pressure{current: rate} }

const (
	// backlogShort is a backlog so small that it says nothing of a round trip: 2.5 ms or so.
	backlogShort = 8
	// pressureParts of the rate is left to the edges at least, whatever they tell.
	pressureParts = 16
	// mostIntake times the rate is what an edge is taken to take in at most: one that is faster
	// empties its buffer by itself, unless it is mistaken.
	mostIntake = 2
	// fewParts of the rate is left to the edges of which not half are behind: repair costs them as
	// much.
	fewParts = 2
	// backlogKeep is how long an edge counts as behind at least after it was last heard to be, or
	// backlogTrips times what news takes.
	backlogKeep  = 100 * time.Millisecond
	backlogTrips = 3
	// drainRange is how much fuller than an eighth, in parts of it, a buffer is when as little is
	// sent as may be. If news takes longer than drainNews less is held back for the same backlog,
	// or it would be too much by the time that anyone hears of it: a buffer holds about 80 ms of
	// the rate.
	drainRange = 0.5
	drainNews  = 30 * time.Millisecond
	// mostNews is the longest that news is taken to take. The reports of many edges take minutes, and
	// so long nothing is believed: who is behind loses, and tells with a NACK.
	mostNews = 2 * time.Second
	// growTime is the least time in which the rate grows e-fold, growTrips how many times longer than
	// news takes that is at least.
	growTime  = 100 * time.Millisecond
	growTrips = 8
	// paceInterval is the least time between two changes of the rate as it grows.
	paceInterval = 2 * time.Millisecond
)

// backlog is what an edge last told of its receive buffer.
type backlog struct {
	share  uint8
	intake uint64
	at     mono.Time
}

// hearBacklog takes note of the backlog that a message tells of.
func (e *edge) hearBacklog(now mono.Time, f *wire.Feedback) {
	e.backlog = backlog{f.Backlog, f.Intake, now}
}

// newsTime returns how long it takes until what the engine does shows in what edges tell.
func (e *Engine) newsTime(now mono.Time) time.Duration {
	news := e.reportInterval(now)
	if len(e.edges.table) > wire.BackoffGroup {
		news = 2 * max(news, wire.BusyReportInterval) // regular reports, and NACKs
	}
	return min(max(news, e.grtt.timer()), mostNews)
}

// press follows what a message has told of the backlog of an edge, which told of another before.
func (e *Engine) press(now mono.Time, f *wire.Feedback, before uint8) {
	p := &e.pressure
	if max(f.Backlog, before) < wire.BacklogLeast || now.Sub(p.measured) < e.weighInterval() {
		return
	}
	p.measured = now
	e.weigh(now, e.newsTime(now))
	e.pace(now)
}

// weigh finds out how fast the edges can take in.
func (e *Engine) weigh(now mono.Time, news time.Duration) {
	p := &e.pressure
	keep := max(backlogKeep, backlogTrips*news)
	p.wishes = p.wishes[:0]
	healthy := 0
	for _, edge := range e.edges.table { // sorted below
		if edge.Demoted || edge.standing.outlier {
			continue
		}
		healthy++
		if b := &edge.backlog; b.share >= wire.BacklogLeast && now.Sub(b.at) <= keep {
			p.wishes = append(p.wishes, e.wish(b, news))
		}
	}
	e.stats.EdgesBacklogged = len(p.wishes)
	slices.SortFunc(p.wishes, wish.compare)
	p.drain = 0
	few := max(0, demotable(len(e.edges.table))-(len(e.edges.table)-healthy))
	if few >= len(p.wishes) {
		return
	}
	w := p.wishes[few].atLeast(e.rate.current / fewParts)
	if half := (healthy+1)/2 - 1; half < len(p.wishes) && p.wishes[half].rate < w.rate {
		w = p.wishes[half]
	}
	p.intake, p.drain, p.at = w.intake, w.drain, now
}

// atLeast returns w, but with no less than a rate.
func (w wish) atLeast(rate float64) wish {
	if w.rate < rate {
		w.rate, w.intake = rate, max(w.intake, rate)
		w.drain = 1 - rate/w.intake
	}
	return w
}

// wish returns what rate suits an edge with a backlog.
func (e *Engine) wish(b *backlog, news time.Duration) wish {
	full := float64(b.share-wire.BacklogLeast) / 255 / drainRange
	w := wish{intake: float64(b.intake), drain: min(full, 1) * min(1, float64(drainNews)/float64(news))}
	if b.intake == 0 { // it does not know
		w.intake = e.pressure.current
	}
	w.intake = min(max(w.intake, e.rate.current/pressureParts), mostIntake*e.rate.current)
	w.rate = w.intake * (1 - w.drain)
	return w
}

// relieve lets the rate grow again, and forgets edges that are not heard to be behind any more.
func (e *Engine) relieve(now mono.Time) {
	p := &e.pressure
	if p.intake == 0 || now.Sub(p.paced) < paceInterval {
		return
	}
	if now.Sub(p.at) > backlogKeep && now.Sub(p.measured) >= e.weighInterval() {
		p.measured = now
		e.weigh(now, e.newsTime(now))
	}
	e.pace(now)
}

// weighInterval is the least time between two looks at all edges.
func (e *Engine) weighInterval() time.Duration {
	return time.Duration(len(e.edges.table)) * measureInterval
}

// pace sends at what rate and pressure allow.
func (e *Engine) pace(now mono.Time) {
	p := &e.pressure
	allowed := e.rate.current
	p.paced = now
	if p.intake > 0 {
		news := e.newsTime(now)
		since := max(0, now.Sub(p.at)-news)
		grown := p.intake * math.Exp(float64(since)/float64(max(growTime, growTrips*news)))
		if allowed = min(allowed, grown*(1-p.drain)); grown >= e.rate.current && p.drain == 0 {
			p.intake = 0
		}
		allowed = max(allowed, e.rate.current/pressureParts)
	}
	if allowed == p.current {
		return
	}
	p.current = allowed
	e.pacer.setRate(now, allowed)
	e.beat.least = leastInterval(&e.pacer)
}
