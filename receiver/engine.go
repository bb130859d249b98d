package receiver

import (
	"math/rand/v2"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// Engine knows what is missing, when to ask for it, and when a block can be decoded. See the
// package comment for the contract between it and the loop around it.
type Engine struct {
	cfg        Config
	rng        *rand.Rand
	stats      Stats
	objects    objects
	blocks     blockPool
	asking     asking
	sender     senderView
	loss       loss
	congestion lossEvents
	rtt        rtt
	reporter   reporter
	presence   presence
	backlog    backlog
	// demoted says that the sender does not answer asks for data.
	demoted bool
	events  eventQueue
	// counter is that of the last feedback message.
	counter uint64
	report  wire.Report
	now     mono.Time
}

// New returns an engine that has heard nothing and expects nothing. It returns an error that
// wraps ErrConfig if cfg is not valid. The engine owns rng.
func New(cfg Config, rng *rand.Rand, now mono.Time) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	reserve := min(cfg.MaxAskedBlocks, cfg.MaxOpenBlocks/2)
	if cfg.OneWay {
		reserve = 0
	}
	return &Engine{
		cfg:      cfg,
		rng:      rng,
		objects:  newObjects(),
		blocks:   blockPool{limit: cfg.MaxOpenBlocks, reserve: reserve},
		asking:   asking{limit: cfg.MaxAskedBlocks, due: mono.Never},
		reporter: newReporter(),
		presence: presence{since: now},
		counter:  cfg.Counter,
		now:      now,
	}, nil
}

// HandlePacket takes a packet of a control or data object; p is only read, and not kept. If
// keep is true the loop must store p.Payload under (TOI, SBN, ESI) before it drains events.
func (e *Engine) HandlePacket(now mono.Time, p *wire.Packet) (keep bool) {
	if !e.arrive(now, p) || p.TOI == wire.HeartbeatTOI {
		return false
	}
	o := e.objects.find(p.TOI)
	if o == nil || !o.known {
		if o = e.introduce(now, o, p); o == nil {
			return false
		}
	}
	if !o.fits(p) {
		e.stats.PacketsInvalid++
		return false
	}
	e.reporter.receive(now)
	keep = e.symbol(now, o, p)
	// Blocks of a group take turns, and no group has more than wire.MaxInterleave of them: a source
	// symbol this far on says that the blocks before have been sent.
	if p.SBN >= wire.MaxInterleave && p.SBN-wire.MaxInterleave >= o.position && p.ESI < p.SourceBlockLength && wire.IsData(p.TOI) {
		if o.passed(p.SBN-wire.MaxInterleave+1) && e.sender.known {
			e.assess(now, o, nil)
			e.arm(now)
		}
	}
	return keep
}

// arrive takes note of any packet; it returns false for one of another session. One whose number
// was there already is looked at all the same: the first may have been forged.
func (e *Engine) arrive(now mono.Time, p *wire.Packet) bool {
	e.now = now
	if p.TSI != e.cfg.TSI {
		e.stats.PacketsForeign++
		return false
	}
	if e.presence.hear(now) {
		e.events.push(Event{Kind: SenderHeard})
	}
	if e.loss.receive(now, p.PacketSequence) {
		e.sender.sendTime, e.sender.heard = p.SendTime, now
		if e.congestion.receive(now, &e.loss, e.lossRTT()) {
			e.congested(now)
		}
	}
	return true
}

// symbol keeps the symbol in p if its block needs it.
func (e *Engine) symbol(now mono.Time, o *object, p *wire.Packet) (keep bool) {
	i, ok := o.find(p.SBN)
	if !ok {
		if o.whole.has(p.SBN) || o.poisoned.has(p.SBN) {
			e.stats.SymbolsUnneeded++
			return false
		}
		if !e.blocks.roomFor(o) || e.objects.runs >= e.cfg.MaxRanges {
			e.stats.SymbolsRefused++
			return false
		}
		e.blocks.open(o, i, p.SBN)
	}
	o.recent = i
	b := o.open[i]
	switch {
	case b.ready:
		e.stats.SymbolsUnneeded++
		return false
	case !b.add(p.ESI):
		e.stats.SymbolsDuplicate++
		return false
	}
	if b.again { // the answer is coming
		e.unwant(o, b)
	}
	e.stats.SymbolsKept++
	o.heard = now
	if b.need() == 0 {
		e.suppress(o, b)
		e.asking.release(b)
		b.ready = true
		e.events.push(Event{Kind: BlockReady, TOI: o.toi, SBN: b.sbn})
	}
	return true
}

// HandleResult takes the outcome of a BlockReady: with a nil err the block is whole; any other
// empties it, and it is asked for anew, or left to Supply (see ErrPoisoned and Config.Unicast). A
// block that was whole may fail later in the same way, as long as its object is held.
func (e *Engine) HandleResult(now mono.Time, ev Event, err error) {
	e.now = now
	o := e.objects.table[ev.TOI]
	if ev.Kind != BlockReady || o == nil {
		return
	}
	i, ok := o.find(ev.SBN)
	switch {
	case ok && !o.open[i].ready:
		return
	case err == nil && ok:
		e.stats.BlocksWhole++
		if o.open[i].repaired {
			e.stats.BlocksDecoded++
		}
		e.blocks.close(o, i)
		o.whole.add(ev.SBN)
		e.finish(o)
		return
	case err != nil && ok:
		if !e.poison(o, ev.SBN, err) {
			o.open[i].fail(now)
		}
	case err != nil && o.whole.remove(ev.SBN):
		e.poison(o, ev.SBN, err)
	case err != nil && e.poison(o, ev.SBN, err): // it was whole before the object was forgotten
	default:
		return
	}
	e.stats.BlocksFailed++
	if e.sender.known {
		e.assess(now, o, nil)
		e.arm(now)
	}
}

// finish lets an object go that is whole.
func (e *Engine) finish(o *object) {
	if !o.finished() {
		return
	}
	e.drop(o)
	e.objects.finish(o.toi)
	e.stats.ObjectsWhole++
	e.events.push(Event{Kind: ObjectWhole, TOI: o.toi})
}

// drop forgets an object and its blocks.
func (e *Engine) drop(o *object) {
	e.stats.BlocksPoisoned -= int(o.poisoned.count)
	for len(o.open) > 0 {
		i := len(o.open) - 1
		e.unwant(o, o.open[i])
		e.asking.release(o.open[i])
		e.blocks.close(o, i)
	}
	e.objects.remove(o)
}

// HandleTimeout does what is due at now. Early or repeated calls do nothing.
func (e *Engine) HandleTimeout(now mono.Time) {
	e.now = now
	if e.presence.check(now) {
		e.events.push(Event{Kind: SenderSilent})
	}
}

// SocketDropped says that the receive buffer dropped n packets, or trains of up to 64 of them, before the
// packet that is handled next. How many packets that were is told by the numbers that are missing there.
func (e *Engine) SocketDropped(n uint32) { e.loss.trains += uint64(n) }

// RequestReport asks for a report soon: the loop has something to tell. In large groups it is
// delayed at random, so that not all edges report at once.
func (e *Engine) RequestReport(now mono.Time) {
	e.now = now
	if e.cfg.OneWay {
		return
	}
	e.reporter.request(now, e.rng)
}

// NextEvent returns the next thing that the loop should know or do, and whether there is one.
func (e *Engine) NextEvent() (Event, bool) { return e.events.pop() }

// NextTimeout returns when HandleTimeout and NextFeedback should be called next if nothing
// else happens. It is in the past if there are events that the loop has not taken.
func (e *Engine) NextTimeout() mono.Time {
	if e.events.waiting() {
		return e.now
	}
	return min(e.asking.due, e.reporter.due(), e.backlogDue(), e.presence.deadline())
}

// Stats returns a copy of the counters.
func (e *Engine) Stats() Stats {
	s := e.stats
	s.PacketsReceived, s.PacketsLost, s.SocketDrops = e.loss.received, e.loss.lost, e.loss.dropped
	s.PacketsDuplicate, s.PacketsReordered = e.loss.duplicate, e.loss.reordered
	s.Objects, s.OpenBlocks = len(e.objects.order), e.blocks.inUse
	s.RTT, s.GRTT, s.Edges = e.rtt.smoothed, e.sender.grtt, e.sender.edges
	s.BacklogPPM = uint32(e.backlog.share) * 1e6 / 255
	s.LossPPM, s.LossEventPPM = e.loss.recent, e.congestion.ppm(e.loss.highest)
	return s
}
