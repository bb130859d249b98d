package sender

import (
	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// next fills in the packet that goes before all others, and returns about how long its
// payload is.
func (e *Engine) next(now mono.Time, p *wire.Packet) (payload int, ok bool) {
	if !e.nextControl(now, p) {
		if e.nextHeartbeat(now) {
			return heartbeatBytes, true
		}
		if !e.pacer.allows(now) || !e.nextSymbol(now, p) {
			return 0, false
		}
	}
	payload = int(p.OTI.SymbolLength)
	if p.HasOTI = p.HasOTI || hasOTI(p); !p.HasOTI {
		p.OTI = fec.OTI{}
	}
	return payload, true
}

// nextHeartbeat reports whether a heartbeat is due, and takes it for sent. A packet not filled
// in is one.
func (e *Engine) nextHeartbeat(now mono.Time) bool {
	a := e.activity()
	if e.beat.next(a, e.grtt.timer()) > now {
		return false
	}
	e.beat.sent(now, a, e.grtt.timer())
	e.stats.HeartbeatsSent++
	return true
}

// nextControl fills in the next symbol of a control object, if one is due.
func (e *Engine) nextControl(now mono.Time, p *wire.Packet) bool {
	b := e.control.next(now)
	if b == nil || e.pacer.overdrawn(now) {
		return false
	}
	b.fill(p)
	b.object.touched = now
	if e.control.sent(now, b, p.PacketSequence) {
		e.beat.hurry(now)
	}
	if e.cfg.OneWay && b.outstanding() == 0 {
		e.events.push(Event{Kind: FirstPassDone, TOI: p.TOI})
	}
	e.stats.ControlPacketsSent++
	return true
}

// nextSymbol fills in the next symbol of a data object.
func (e *Engine) nextSymbol(now mono.Time, p *wire.Packet) bool {
	s := &e.schedule
	e.repairs.hold.holding = false
	var has [classCount]bool
	for r := range has {
		has[r] = len(s.classes[r].running) > 0 || e.repairs.next(r) != nil
	}
	for {
		rank, ok := s.choose(has)
		if !ok {
			return false
		}
		if e.nextOfClass(now, p, rank) {
			s.sent(rank, has, int(p.OTI.SymbolLength))
			return true
		}
		has[rank] = false
	}
}

// nextOfClass fills in the next symbol of a class: repair before new data, to which at least one
// part in newParts is left. But blocks of which much is asked for take turns with new data, so
// that neither waits for all of the other: one block, then one group of a first pass. (Not symbol
// by symbol: an account tells only a few runs of transmissions apart.)
func (e *Engine) nextOfClass(now mono.Time, p *wire.Packet, rank int) bool {
	c := &e.schedule.classes[rank]
	b := e.repairs.next(rank)
	switch {
	case b == nil || len(c.running) == 0:
		c.credit = 0
	case b.list == &e.repairs.queues[rank].bulk:
		if !c.passNext {
			c.passNext = b.outstanding() == 1 || b.turn+1 >= max(b.k, bulkLeast)
		} else if o, ok := e.nextPass(now, p, c); ok {
			c.passNext = o.pass.width != 0
			return true
		}
	case c.credit >= dueBytes:
		if _, ok := e.nextPass(now, p, c); ok {
			c.credit -= float64(p.OTI.SymbolLength)
			return true
		}
	default:
		c.credit += float64(b.object.part.OTI().SymbolLength) / newParts
	}
	if b != nil {
		e.nextRepair(now, p, b)
		return true
	}
	_, ok := e.nextPass(now, p, c)
	return ok
}

// nextPass fills in the next symbol of a first pass of a class, and returns its object.
func (e *Engine) nextPass(now mono.Time, p *wire.Packet, c *passes) (*object, bool) {
	o := c.next()
	if o == nil || o.pass.between() && e.repairs.hold.holds(now, e.grtt.estimate()) {
		return nil, false
	}
	if e.objects.start(o.toi) {
		e.progress.stale = true
	}
	if o.pass.between() {
		e.beginGroup(now, o, max(e.interleave(o)/len(c.running), 1))
	}
	sbn, esi := o.pass.next()
	o.fill(p, sbn, esi)
	p.HasOTI = tellsOTI(o.pass.turn)
	o.pass.sent(now, p.PacketSequence)
	o.touched, o.moved = now, now
	e.class = ClassBulk
	if esi < int(p.SourceBlockLength) {
		e.stats.SourceSymbolsSent++
	} else {
		e.stats.ProactiveSymbolsSent++
		if o.pass.start == 0 {
			e.class = ClassRepair
		}
	}
	c.sent(int(p.OTI.SymbolLength), e.pacer.bytes(trainTime, turnBytes))
	if o.pass.done() {
		e.passed(now, o)
	} else if o.pass.between() && len(e.edges.table) <= promptEdges {
		e.beat.prompt()
	}
	return o, true
}

// nextRepair fills in the next symbol of a block that edges asked for.
func (e *Engine) nextRepair(now mono.Time, p *wire.Packet, b *block) {
	b.fill(p)
	b.object.touched = now
	if b.sent >= b.called {
		e.stats.MarginSymbolsSent++
	}
	if e.repairs.sent(now, b, p.PacketSequence) {
		e.beat.hurry(now)
	}
	e.stats.RepairSymbolsSent++
	e.class = ClassRepair
}

// passed says that the first pass of an object is over.
func (e *Engine) passed(now mono.Time, o *object) {
	e.schedule.remove(o)
	e.proactive.judgeLater(o)
	e.progress.finished(o)
	e.events.push(Event{Kind: FirstPassDone, TOI: o.toi})
	e.beat.hurry(now)
}

// fill names the next transmission of b in p.
func (b *block) fill(p *wire.Packet) { b.object.fill(p, b.sbn, b.esi()) }

// fill names a symbol of o in p.
func (o *object) fill(p *wire.Packet, sbn uint32, esi int) {
	p.TOI, p.OTI = o.toi, o.part.OTI()
	p.SBN, p.ESI = sbn, uint16(esi)
	p.SourceBlockLength = uint16(o.part.SourceSymbols(sbn))
}

// tellsOTI says which symbols of a block carry EXT_FTI in a pass: the first and those whose number is
// a power of two. With only the first two, one of 10,000 edges that had lost those and the entry kept
// nothing of a whole block, which cost up to a tenth of an object of 2 MB at 5 % loss.
func tellsOTI(turn int) bool { return turn&(turn-1) == 0 }

// hasOTI says which packets carry EXT_FTI: all of control objects, and the first two source
// and repair symbols of each block of others. (So do some of a block in each pass, see tellsOTI.)
func hasOTI(p *wire.Packet) bool {
	k := p.SourceBlockLength
	return wire.IsControl(p.TOI) || p.ESI < 2 || p.ESI >= k && p.ESI < k+2
}
