package sender

import (
	"math/rand/v2"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// Engine decides which symbol of which object goes out next, and when. See the package comment
// for the contract between it and the loop around it.
type Engine struct {
	cfg       Config
	stats     Stats
	objects   objects
	repairs   repairs
	control   controlQueue
	unknowns  unknowns
	edges     edges
	proactive proactive
	pacer     pacer
	grtt      grtt
	budget    budget
	bursts    bursts
	beat      heartbeat
	demotion  demotion
	rate      rateControl
	pressure  pressure
	events    eventQueue
	// strangers pay for what edges ask for that are not remembered, and for asks that waited for their
	// object; asker is who pays for those that are handled now.
	strangers payer
	asker     *payer
	schedule  schedule
	progress  progress
	// class is that of the packet filled in last.
	class TrafficClass
	// sequence is the packet sequence number of the next packet.
	sequence uint32
	// now is the latest time seen, swept when the tables were last cleaned.
	now, swept mono.Time
}

// New returns an engine that holds no object and sends its first heartbeat at once.
// It returns an error that wraps ErrConfig if cfg is not valid. The engine owns rng.
func New(cfg Config, rng *rand.Rand, now mono.Time) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	e := &Engine{
		cfg:     cfg,
		objects: newObjects(cfg.Started), schedule: newSchedule(),
		repairs: newRepairs(cfg.MaxRepairBlocks, newPurse(cfg.Rate)),
		edges:   newEdges(cfg.MaxEdges),
		rate:    newRateControl(cfg, now),
		grtt:    newGRTT(cfg.InitialGRTT, now),
		// A random start, so that numbers of two instances are not mistaken for each other.
		sequence: rng.Uint32(),
		now:      now, swept: now,
	}
	e.repairs.hold.most = cfg.MaxUnfinished
	e.pacer = newPacer(e.rate.bitRate(), now)
	e.pressure = newPressure(e.rate.current)
	e.beat = newHeartbeat(&e.pacer, now)
	e.control = newControlQueue(&e.pacer)
	e.budget = newBudget(cfg, now)
	if cfg.OneWay {
		e.beat.calm()
	}
	e.demotion = newDemotion(cfg.Demote)
	return e, nil
}

// Add begins to hold an object, and to send it unless o.Sent. It returns an error that wraps
// ErrObject, ErrExists or ErrFull; then nothing has changed.
func (e *Engine) Add(now mono.Time, o ObjectInfo) error {
	e.now = now
	held := e.objects.table[o.TOI]
	if held != nil && (o.Start == 0 || held.control != nil || held.busy() || e.repairs.asked(held)) {
		return ErrExists
	}
	obj, err := newObject(o, now)
	if err != nil {
		return err
	}
	if b := obj.control; b != nil && b.k == 1 && b.goal > 0 {
		b.goal = e.proactive.copies(now, &e.edges)
		b.unasked = b.goal
	}
	if held != nil {
		e.forget(held)
	}
	if len(e.objects.order) >= e.cfg.MaxObjects {
		idlest := e.objects.idlest(e.repairs.asked)
		if idlest == nil {
			return ErrFull
		}
		e.forget(idlest)
		e.events.push(Event{Kind: ObjectForgotten, TOI: idlest.toi})
	}
	e.objects.add(obj)
	if obj.control == nil && !obj.sent {
		e.progress.stale = true
		e.schedule.add(obj)
		if obj.pass.done() { // it has no blocks
			e.objects.start(obj.toi)
			e.passed(now, obj)
		}
	}
	if obj.control != nil && obj.busy() {
		e.control.add(obj.control)
	}
	e.asker = &e.strangers
	e.unknowns.take(o.TOI, func(a unknownAsk) {
		e.ask(now, a.nack, a.sequence, a.known, maxAsks)
	})
	return nil
}

// Cancel stops sending and repairing an object and forgets it, without an event. Of a TOI that is
// not held, it forgets who asked for it: the next ask is told again.
func (e *Engine) Cancel(now mono.Time, toi uint32) {
	e.now = now
	if o := e.objects.table[toi]; o != nil {
		e.forget(o)
	} else {
		e.unknowns.take(toi, func(unknownAsk) {})
	}
}

// forget drops all state of an object.
func (e *Engine) forget(o *object) {
	e.objects.remove(o)
	e.proactive.forget(o)
	if o.control != nil {
		o.control.leave()
		return
	}
	e.schedule.remove(o)
	e.progress.stale = true
	e.repairs.dropObject(o)
}

// HandleTimeout does what is due at now. Early or repeated calls do nothing.
func (e *Engine) HandleTimeout(now mono.Time) {
	e.now = now
	e.fallBack(now)
	e.relieve(now)
	e.tellPressure(now)
	since := now.Sub(e.swept)
	if since < sweepInterval {
		return
	}
	e.swept = now
	e.budget.age(e.reportInterval(now), since)
	e.grtt.window = max(grttWindow, 2*e.reportInterval(now))
	e.edges.sweep(now, e.budget.lifetime)
	if e.stats.EdgesBacklogged > 0 {
		e.weigh(now, e.newsTime(now))
	}
	if e.bursts.survey(&e.edges) {
		e.unlearn()
	}
	e.repairs.sweep(now)
	e.unknowns.sweep(now)
	e.objects.settle(now)
	for _, o := range e.objects.expired(nil, now-mono.Time(e.cfg.Keep)) {
		if !e.repairs.asked(o) {
			e.forget(o)
			e.events.push(Event{Kind: ObjectForgotten, TOI: o.toi})
		}
	}
}

// NextEvent returns the next thing that the loop should know or do, and whether there is one.
func (e *Engine) NextEvent() (ev Event, ok bool) {
	if ev, ok = e.events.pop(); ok {
		e.release(ev)
	}
	return ev, ok
}

// NextPacket fills in the packet to send now, all but Payload, and reports whether there is one.
// The loop adds the symbol that TOI, SBN and ESI name, or, if TOI is wire.HeartbeatTOI, a
// heartbeat filled by Advertise, and sends it.
func (e *Engine) NextPacket(now mono.Time, p *wire.Packet) (ok bool) {
	e.now, e.class = now, ClassControl
	*p = wire.Packet{TSI: e.cfg.TSI, PacketSequence: e.sequence, SendTime: sendTime(now)}
	var payload int
	if payload, ok = e.next(now, p); !ok {
		return false
	}
	size := wire.HeaderLength(p) + payload + e.cfg.PacketOverhead
	e.pacer.charge(now, size)
	e.sequence++
	e.stats.PacketsSent++
	e.stats.BytesSent += uint64(size)
	return true
}

// NextTimeout returns when HandleTimeout and NextPacket should be called next if nothing else
// happens. It is in the past if there are events that the loop has not taken.
func (e *Engine) NextTimeout() mono.Time {
	if e.events.waiting() {
		return e.now
	}
	a := e.activity()
	t := min(e.beat.next(a, e.grtt.timer()), max(e.control.timeout(), e.pacer.solvent()))
	if a != idle {
		next := e.pacer.next()
		if e.repairs.hold.holding {
			next = max(next, e.repairs.hold.again())
		}
		t = min(t, next)
	}
	return t
}

// Stats returns a copy of the counters.
func (e *Engine) Stats() Stats {
	s := e.stats
	s.Objects = len(e.objects.order)
	s.RepairBlocks = len(e.repairs.table)
	s.RepairQueue = e.repairs.queued
	s.BlocksUnfinished = len(e.repairs.hold.list)
	s.Edges, s.EdgesDemoted = len(e.edges.table), e.edges.demoted
	s.GRTT, s.Rate, s.RateAllowed = e.grtt.estimate(), int(e.pressure.current+0.5), int(e.rate.bitRate())
	return s
}

// Edge returns what is known of one edge, and whether it was heard of lately.
func (e *Engine) Edge(id uint64) (EdgeInfo, bool) {
	if known := e.edges.table[id]; known != nil {
		return known.EdgeInfo, true
	}
	return EdgeInfo{}, false
}

// EdgeLifetime returns how long after its last feedback an edge counts as live: it follows the
// interval at which edges are told to report.
func (e *Engine) EdgeLifetime() time.Duration { return e.budget.lifetime }

// groupSize returns how many edges there are.
func (e *Engine) groupSize(now mono.Time) int { return e.budget.group(now, len(e.edges.table)) }

// reportInterval returns the mean time between two reports of an edge.
func (e *Engine) reportInterval(now mono.Time) time.Duration {
	return e.budget.interval(e.groupSize(now), e.rate.reported())
}

// activity returns what the sender is busy with.
func (e *Engine) activity() activity {
	switch {
	case e.repairs.queued > 0:
		return repairing
	case e.schedule.passing():
		return passing
	}
	return idle
}

// sendTime is the session clock as packets carry it.
func sendTime(now mono.Time) uint32 { return uint32(uint64(now) / uint64(time.Microsecond)) }
