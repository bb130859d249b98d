package receiver

import (
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// senderView is what the last heartbeat said of the sender, each hint clamped.
type senderView struct {
	// known says that a heartbeat came; instance is the sender's.
	known    bool
	instance uint64
	// sequence is the packet sequence number of the last heartbeat, which came at updated.
	sequence uint32
	updated  mono.Time
	// sendTime is the send time of the newest packet, heard when it came.
	sendTime uint32
	heard    mono.Time

	grtt  time.Duration
	edges int
	// started, first and waiting say where the first passes stand; see wire.Heartbeat.
	started uint32
	first   [wire.MaxPositions]wire.Position
	firsts  int
	waiting [wire.MaxWaiting]wire.TOIRange
	waits   int
}

const (
	// maxGRTT and maxEdges bound what a heartbeat can make timers wait for.
	maxGRTT  = 5 * time.Second
	maxEdges = 1 << 16
	// overtakenFor is how long a heartbeat can be overtaken by a newer one. Later a lower number is
	// believed, or one forged heartbeat far ahead would make the receiver deaf to all that follow.
	overtakenFor = time.Second
)

// update takes the hints of a heartbeat.
func (v *senderView) update(now mono.Time, sequence uint32, h *wire.Heartbeat) {
	v.known, v.instance, v.sequence, v.updated = true, h.Instance, sequence, now
	v.grtt = min(max(h.GRTT, minGRTT), maxGRTT)
	v.edges = int(min(h.Edges, maxEdges))
	v.started = h.Started
	v.firsts = copy(v.first[:], h.First)
	v.waits = copy(v.waiting[:], h.Waiting)
}

// place moves an object's position to where the sender says it is.
func (v *senderView) place(o *object) {
	if wire.IsControl(o.toi) {
		o.passed(1) // sent before the heartbeat that tells of it
		return
	}
	for _, p := range v.first[:v.firsts] {
		if p.TOI == o.toi {
			o.passed(p.SBN)
			return
		}
	}
	if v.started == 0 || newer(o.toi, v.started) {
		return
	}
	for _, w := range v.waiting[:v.waits] {
		if !newer(w.First, o.toi) && !newer(o.toi, w.Last) {
			return // its time comes
		}
	}
	o.passed(o.blocks())
}

// HandleHeartbeat takes a packet with wire.HeartbeatTOI and the heartbeat it carries; both are
// only read. The loop verifies h.Head before, and expects what it makes known.
func (e *Engine) HandleHeartbeat(now mono.Time, p *wire.Packet, h *wire.Heartbeat) {
	if p.TSI == e.cfg.TSI && e.sender.known && h.Instance != e.sender.instance {
		e.restart()
	}
	if !e.arrive(now, p) {
		return
	}
	v := &e.sender
	if v.known && int32(p.PacketSequence-v.sequence) <= 0 && now.Sub(v.updated) < overtakenFor {
		return // overtaken by a newer one
	}
	known := v.known
	v.update(now, p.PacketSequence, h)
	e.reporter.follow(now, h.ReportInterval, v.edges)
	if !known && !e.cfg.OneWay {
		e.reporter.start(now, e.rng)
	}
	e.stats.HeartbeatsReceived++
	for _, echo := range h.Echoes {
		if echo.Edge == e.cfg.Edge && !e.cfg.OneWay {
			e.rtt.echo(now, echo.Counter, echo.Held)
			e.reporter.echo(echo.Counter)
			e.demote(echo.Demoted)
		}
	}
	e.reporter.heartbeat(now, e.rtt.wait(v.grtt), e.rng)
	e.expire(now)
	e.mark(h)
	for _, o := range e.objects.order {
		v.place(o)
		e.assess(now, o, h)
	}
	e.arm(now)
}

// restart forgets what belongs to the numbering of an instance that is gone: packets, asks
// and positions. What was received stays.
func (e *Engine) restart() {
	e.stats.SenderRestarts++
	e.events.push(Event{Kind: SenderRestarted})
	for _, o := range e.objects.order {
		o.position = 0
		for _, b := range o.open {
			e.unwant(o, b)
			e.asking.release(b)
		}
	}
	e.loss.started = false
	e.rtt = rtt{}
	e.demote(false)
	e.sender = senderView{edges: e.sender.edges, grtt: e.sender.grtt}
}
