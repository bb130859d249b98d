package sender

import (
	"slices"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// DemoteConfig bounds how far an edge may fall behind the others. One beyond a bound is *demoted*:
// its NACKs are not answered, it counts for nothing that the sender decides by what edges report,
// and its echoes tell it, so that it gets what it misses by unicast. It comes back by itself.
//
// A straggler is an outlier: no edge is demoted unless half of the others are well within the bound,
// and never more than a fifth of all, nor one of fewer than four.
type DemoteConfig struct {
	// Off says that no edge is ever demoted, nor its NACKs deferred.
	Off bool
	// LossPPM is the loss, in packets per million, that an edge may have; default 250,000.
	LossPPM uint32
	// Lag is how far behind the first passes the blocks may lie that an edge asks for, while there
	// is something new to send; default 10 s.
	Lag time.Duration
}

// Defaults of DemoteConfig.
const (
	DefaultDemoteLossPPM = 250_000
	DefaultDemoteLag     = 10 * time.Second
)

const (
	// demoteAfter is how long an edge must be beyond a bound, promoteAfter how long within half of
	// the bound until it is back.
	demoteAfter  = 3 * time.Second
	promoteAfter = 5 * time.Second
	// demoteShare is one in how many edges may be demoted, demoteLeast the least group in which one
	// may be.
	demoteShare = 5
	demoteLeast = 4
	// reportLeast is how many packets a report must cover to be judged by.
	reportLeast = 100
	// askedKeep is how long losses count that an edge's asks show; askedLeast is how many symbols
	// they must tell of, askedMost how many are remembered.
	askedKeep  = time.Second
	askedLeast = 400
	askedMost  = 4000
	// askedBlock is the least k of a block whose asks count: of shorter ones many lose nothing and are
	// not asked for, so that the others look worse than the path is.
	askedBlock = 64
	// deferredBlocks is how many blocks of one message of an outlier are repaired at a time.
	deferredBlocks = 16
	// measureInterval is the least between two looks at all edges, for each of them.
	measureInterval = 10 * time.Microsecond
	// recoverAfter is when an edge that was demoted for its lag is tried again even if it has not
	// caught up.
	recoverAfter = time.Minute
)

// standing is how an edge compares with its bounds.
type standing struct {
	// packets is how many the edge had received or lost by the last report it was judged by.
	packets uint64
	// lost of sent symbols is what its first asks for blocks show, at asked: sooner than a report.
	lost, sent int
	asked      mono.Time
	// outlier says that it was one at its last report.
	outlier bool
	// worse and better are since when it is beyond a bound, and within half of it; 0: it is not.
	worse, better mono.Time
	// lagging is since when it asks for what lies far behind, lagged when it last did.
	lagging, lagged mono.Time
	// behind is the object that an edge demoted for its lag must reach, 0 if it was for its loss;
	// demoted is when.
	behind  uint32
	demoted mono.Time
}

// loss returns the loss of an edge in packets per million: what it reported, or, if that is more,
// what its latest asks show.
func (e *edge) loss(now mono.Time) uint32 {
	s := &e.standing
	if s.sent < askedLeast || now.Sub(s.asked) > askedKeep {
		return e.LossPPM
	}
	return max(e.LossPPM, uint32(1e6*s.lost/s.sent))
}

// demotion decides which edges are outliers, and demotes those that stay it.
type demotion struct {
	cfg DemoteConfig
	// limit is the loss above which an edge is an outlier, lagLimit the most edges that may lag
	// and be outliers; as of measured.
	limit    uint32
	lagLimit int
	measured mono.Time
	known    bool
	losses   []uint32
	// spare says that all that is being repaired was asked for by outliers.
	spare bool
}

func newDemotion(cfg DemoteConfig) demotion {
	setDefault(&cfg.Lag, DefaultDemoteLag)
	if cfg.LossPPM == 0 {
		cfg.LossPPM = DefaultDemoteLossPPM
	}
	return demotion{cfg: cfg}
}

// measure compares all edges, now and then.
func (d *demotion) measure(now mono.Time, s *edges) {
	interval := max(5*time.Millisecond, time.Duration(len(s.table))*measureInterval)
	if d.known && now.Sub(d.measured) < interval {
		return
	}
	d.known, d.measured = true, now
	d.losses = d.losses[:0]
	lagging := 0
	for _, e := range s.table { // sorted below
		if e.Demoted {
			continue
		}
		d.losses = append(d.losses, e.loss(now))
		if e.standing.lagging != 0 {
			lagging++
		}
	}
	slices.Sort(d.losses)
	room := demotable(len(s.table)) - s.demoted
	d.limit, d.lagLimit = 1e6, 0
	n := len(d.losses)
	if room <= 0 || room >= n {
		return
	}
	d.lagLimit = room
	if lagging > room {
		d.lagLimit = 0
	}
	if median := d.losses[n/2]; median < d.cfg.LossPPM/2 {
		d.limit = max(d.cfg.LossPPM, d.losses[n-1-room])
	}
}

// demotable returns how many of so many edges may be demoted.
func demotable(edges int) int {
	if edges < demoteLeast {
		return 0
	}
	return max(edges/demoteShare, 1)
}

// outlier reports whether an edge loses too much now, and much more than others.
func (d *demotion) outlier(now mono.Time, s *edges, e *edge) bool {
	if d.cfg.Off || e.loss(now) <= d.cfg.LossPPM {
		return false
	}
	d.measure(now, s)
	return e.loss(now) > d.limit
}

// compare takes what a message of an edge tells of its loss and its lag.
func (e *Engine) compare(now mono.Time, from *edge, f *wire.Feedback, known bool) {
	d := &e.demotion
	if d.cfg.Off || !known {
		return
	}
	if len(f.NACKs) > 0 && !from.Demoted {
		e.judgeAsks(now, from, f)
	}
	r, s := f.Report, &from.standing
	if r == nil {
		return
	}
	if from.Demoted {
		d.recover(now, &e.edges, from, r)
		return
	}
	packets := r.PacketsReceived + r.PacketsLost
	if packets >= s.packets && packets-s.packets < reportLeast {
		return // it tells nothing new
	}
	s.packets = packets
	if s.lagging != 0 && now.Sub(s.lagged) > askedKeep {
		s.lagging = 0
	}
	s.outlier = d.outlier(now, &e.edges, from)
	switch {
	case !s.outlier:
		s.worse = 0
	case s.worse == 0:
		s.worse = now
	case now.Sub(s.worse) >= demoteAfter:
		d.demote(now, &e.edges, from, 0)
		return
	}
	if s.lagging != 0 && e.schedule.passing() && now.Sub(s.lagging) >= demoteAfter {
		if d.measure(now, &e.edges); d.lagLimit > 0 {
			d.demote(now, &e.edges, from, e.objects.started)
		}
	}
}

// demote takes an edge off the NACK channel; behind is the object that it must reach to come back,
// 0 if it is not for its lag.
func (d *demotion) demote(now mono.Time, s *edges, e *edge, behind uint32) {
	e.Demoted = true
	e.standing = standing{packets: e.standing.packets, behind: behind, demoted: now}
	s.demoted++
	d.known = false
}

// recover takes an edge back that has been well for a while.
func (d *demotion) recover(now mono.Time, s *edges, e *edge, r *wire.Report) {
	st := &e.standing
	caughtUp := st.behind == 0 || now.Sub(st.demoted) >= recoverAfter || wire.Sequence(st.behind, r.Complete) <= r.Complete
	switch {
	case e.LossPPM >= d.cfg.LossPPM/2 || !caughtUp:
		st.better = 0
	case st.better == 0:
		st.better = now
	case now.Sub(st.better) >= promoteAfter:
		e.Demoted = false
		e.standing = standing{packets: st.packets}
		s.demoted--
		d.known = false
	}
}

// judgeAsks notes what the asks of an edge show.
func (e *Engine) judgeAsks(now mono.Time, from *edge, f *wire.Feedback) {
	st := &from.standing
	lags := false
	for _, n := range f.NACKs {
		o := e.objects.table[n.TOI]
		if o == nil || o.control != nil || n.SBN >= o.part.Blocks() {
			continue
		}
		lags = lags || e.behind(now, o, n.SBN) > e.demotion.cfg.Lag
		k := o.part.SourceSymbols(n.SBN)
		if k < askedBlock || int(n.Symbols) > k/2 || o.sent {
			continue // it was not there, or only blocks that lost something are seen
		}
		turns := o.pass.transmitted(n.SBN)
		if b := e.repairs.find(n.TOI, n.SBN); b != nil && int(b.seen(f.PacketSequence)) > o.pass.start+turns {
			continue // it has asked before
		}
		blocks := int(min(n.Count, o.part.Blocks()-n.SBN, maxAsks))
		st.lost += int(n.Symbols) * blocks
		st.sent += turns * blocks
		st.asked = now
	}
	for st.sent > askedMost {
		st.sent /= 2
		st.lost /= 2
	}
	switch {
	case !lags || !e.schedule.passing():
		st.lagging = 0
	case st.lagging == 0:
		st.lagging, st.lagged = now, now
	default:
		st.lagged = now
	}
}

// behind returns how long ago the first pass of a block was over, about.
func (e *Engine) behind(now mono.Time, o *object, sbn uint32) time.Duration {
	if o.sent {
		return e.demotion.cfg.Lag + 1 // before this start, or so long ago that the object was forgotten
	}
	if o.pass.done() {
		return now.Sub(o.moved)
	}
	if sbn >= o.pass.position {
		return 0
	}
	block := float64(o.part.SourceSymbols(0)) * float64(o.part.OTI().SymbolLength)
	return time.Duration(float64(o.pass.position-sbn) * block * 8e9 / e.rate.current)
}

// admit says of how many blocks a message of an edge may ask, and whether of any of data. A demoted
// one may not. An outlier is answered only while nothing else is to be sent, so that it costs the
// others nothing even before it is known whether it will stay one; it asks again. (Control objects
// are few and small, and purges must be quick everywhere: those are always repaired.)
func (e *Engine) admit(now mono.Time, from *edge, f *wire.Feedback) (room int, data bool) {
	d := &e.demotion
	isData := func(n wire.NACK) bool { return !wire.IsControl(n.TOI) }
	if from == nil || d.cfg.Off || !slices.ContainsFunc(f.NACKs, isData) {
		return maxAsks, true
	}
	if from.Demoted {
		e.stats.NACKsDemoted++
		return maxAsks, false
	}
	if !d.outlier(now, &e.edges, from) {
		d.spare = false
		return maxAsks, true
	}
	if e.repairs.queued == 0 {
		d.spare = true
	}
	if !d.spare || e.schedule.passing() {
		e.stats.NACKsDeferred++
		return maxAsks, false
	}
	return deferredBlocks, true
}
