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
	e.judgeLater(o)
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
