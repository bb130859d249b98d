package sim

import (
	"fmt"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
	"fanfare/receiver"
	"fanfare/testbed/netem"
)

// edge is the loop around a receiver, and its links.
type edge struct {
	engine   *receiver.Engine
	down, up *netem.Link
	plain    bool
	armed    mono.Time
	paused   mono.Time // until then it hears and does nothing
	book     *book     // nil until the first real entry
	starts   int
	// told is how many entries of the log heartbeats told of; announced says of which the
	// entry itself has come, and expected which objects the engine knows of.
	told                int
	announced, expected []bool
	// served counts places in the log of which the edge has all; receipt is the most of it that a
	// report has told the origin, at receiptAt.
	served, receipt uint64
	receiptAt       mono.Time
	// whole lists blocks kept over a restart.
	whole   func(toi uint32) []receiver.BlockRange
	buffer  buffer
	earlier receiver.Stats
}

// startEdge starts the receiver of an edge.
func (s *Simulation) startEdge(i int) error {
	e := &s.edges[i]
	e.starts++
	cfg := s.cfg.Receiver
	cfg.TSI, cfg.Edge, cfg.Counter = tsi, uint64(i)+1, uint64(e.starts)<<32
	cfg.OneWay = s.cfg.OneWay != nil
	engine, err := receiver.New(cfg, s.cfg.stream(forEdge, i+e.starts<<24), s.now)
	if err != nil {
		return err
	}
	if e.engine == nil {
		for _, o := range s.objects {
			if o.done[i] == mono.Never {
				s.missing++
			}
		}
	}
	e.engine, e.armed = engine, mono.Never
	e.told, e.expected = 0, nil
	if e.book == nil {
		e.announced = nil
	}
	s.reopen(i)
	s.wakeEdge(i)
	return nil
}

// StopEdge ends the receiver of an edge; what it received is lost, but for whole objects.
func (s *Simulation) StopEdge(i int) {
	e := &s.edges[i]
	if e.engine == nil {
		return
	}
	e.earlier = addReceiverStats(e.earlier, e.engine.Stats())
	e.engine = nil
	s.empty(i)
	for _, o := range s.objects {
		if o.done[i] == mono.Never {
			s.missing--
		}
	}
}

// RestartEdge ends the receiver of an edge and starts it again; whole says which blocks of an
// object it finds on disk.
func (s *Simulation) RestartEdge(i int, whole func(toi uint32) []receiver.BlockRange) {
	s.StopEdge(i)
	s.edges[i].whole = whole
	s.fail(s.startEdge(i))
}

// deliverTrain gives a train to all edges of a class.
func (s *Simulation) deliverTrain(t, c int) {
	flights := s.air.trains[t].flights
	for _, i := range s.classes[c].edges {
		e := &s.edges[i]
		if e.engine == nil || s.now < e.paused {
			continue
		}
		var last *flight
		for _, n := range flights {
			if !e.down.Lose(s.now) {
				last = &s.air.flights[n]
				s.take(i, last)
			}
		}
		if last != nil {
			s.pumpEdge(i, last)
		}
	}
	s.air.arrived(t)
}

// deliverOne gives a packet to one edge.
func (s *Simulation) deliverOne(n, i int) {
	if s.cfg.Edges[i].Intake > 0 {
		s.queue(i, n)
	} else if f := &s.air.flights[n]; s.edges[i].engine != nil && s.now >= s.edges[i].paused {
		s.take(i, f)
		s.pumpEdge(i, f)
	}
	s.air.release(n)
}

// take hands a packet to the engine.
func (s *Simulation) take(i int, f *flight) {
	e := &s.edges[i]
	if f.packet.TOI != wire.HeartbeatTOI {
		if e.engine.HandlePacket(s.now, &f.packet) {
			s.settle(i, f)
		}
		return
	}
	s.tell(i, f.head)
	e.engine.HandleHeartbeat(s.now, &f.packet, &f.beat)
}

// tell takes the head of the log from a heartbeat.
func (s *Simulation) tell(i, head int) {
	e := &s.edges[i]
	for ; e.told < head; e.told++ {
		o := s.objects[e.told]
		switch {
		case o.done[i] != mono.Never:
		case !s.cfg.Entries || e.has(e.announced, e.told):
			if !s.expect(i, o) {
				return
			}
		case s.cfg.OneWay != nil: // its entry comes again
		case o.statement != nil && head-e.told > catchUpGap:
			s.catchUp(i)
			return
		default:
			if e.engine.Expect(s.now, receiver.ObjectInfo{TOI: o.control}) != nil {
				return
			}
		}
	}
}

// expect has the engine expect an object; it returns false if there is no room.
func (s *Simulation) expect(i int, o *published) bool {
	e := &s.edges[i]
	index := int(o.sequence) - 1
	if e.has(e.expected, index) || o.done[i] != mono.Never {
		return true
	}
	if o.statement != nil && !s.book(i).catalogue.Needed(o.sequence) {
		s.drop(i, o)
		return true
	}
	info := receiver.ObjectInfo{TOI: o.toi, OTI: o.oti}
	if e.whole != nil {
		info.Whole = e.whole(o.toi)
	}
	if e.engine.Expect(s.now, info) != nil {
		return false
	}
	e.expected = set(e.expected, index)
	return true
}

func (e *edge) has(list []bool, i int) bool { return i < len(list) && list[i] }

func set(list []bool, i int) []bool {
	for len(list) <= i {
		list = append(list, false)
	}
	list[i] = true
	return list
}

// settle answers the events of an engine. f is the packet that caused them, nil if none did.
func (s *Simulation) settle(i int, f *flight) {
	e := s.edges[i].engine
	for ev, ok := e.NextEvent(); ok; ev, ok = e.NextEvent() {
		o := s.byTOI[ev.TOI]
		switch ev.Kind {
		case receiver.BlockReady:
			if f != nil && wire.IsData(ev.TOI) {
				o.blocks[ev.SBN].complete(f.transmission)
				o.blocks[ev.SBN].whole = s.now
			}
			if wire.IsData(ev.TOI) {
				o.have[i].add(ev.SBN)
				s.gained(i, o, ev.SBN)
			}
			e.HandleResult(s.now, ev, nil)
		case receiver.ObjectWhole:
			s.whole(i, o, ev.TOI)
		case receiver.Demoted:
			s.fetchSoon(i)
		}
	}
}

// whole takes note of an object that an edge has completed.
func (s *Simulation) whole(i int, o *published, toi uint32) {
	e := &s.edges[i]
	switch {
	case o.statement == nil:
	case toi == o.control:
		s.learn(i, s.objects[o.sequence-1:o.sequence])
		return
	case !s.stored(i, o):
		return
	}
	if toi == o.control {
		e.announced = set(e.announced, int(o.sequence)-1)
		s.arrive(i, o, true)
		if !o.bare {
			s.expect(i, o)
			return
		}
	}
	s.finish(i, o)
}

// finish takes note that an edge has all of a place in the log.
func (s *Simulation) finish(i int, o *published) {
	if o.done[i] == mono.Never {
		o.done[i] = s.now
		s.edges[i].served++
		s.missing--
		s.trace.add(uint64(s.now), uint64(i), uint64(o.toi))
		s.arrive(i, o, false)
		s.edges[i].engine.RequestReport(s.now)
	}
}

// pumpEdge does what the receiver's loop does after each batch of inputs.
func (s *Simulation) pumpEdge(i int, f *flight) {
	s.settle(i, f)
	e := &s.edges[i]
	for e.engine.NextFeedback(s.now, &s.uplink.message) {
		s.sendUp(e)
	}
	s.wakeEdge(i)
}

// wakeEdge arms the receiver's timer.
func (s *Simulation) wakeEdge(i int) {
	e := &s.edges[i]
	t := e.engine.NextTimeout()
	if t <= s.now {
		s.fail(fmt.Errorf("%w: edge %d, at %v", ErrSpin, i, s.Now()))
	} else if t < e.armed {
		e.armed = t
		s.schedule.add(t, wakeEdge, i, 0)
	}
}

// uplinkStats counts feedback.
type uplinkStats struct {
	message  wire.Feedback
	scratch  []byte
	messages uint64
	bytes    uint64
}

// sendUp puts the message of an edge on its way to the origin.
func (s *Simulation) sendUp(e *edge) {
	f := &s.uplink.message
	if f.Report != nil {
		f.Report.Complete = e.served
	}
	s.uplink.scratch = wire.AppendFeedback(s.uplink.scratch[:0], f)
	size := len(s.uplink.scratch) + s.cfg.Sender.PacketOverhead
	s.uplink.messages++
	s.uplink.bytes += uint64(size)
	s.trace.add(uint64(s.now), f.Edge, f.Counter<<16|uint64(len(f.NACKs)))
	for _, n := range f.NACKs {
		s.account(n, f)
	}
	a := e.up.Send(s.now, size)
	for n, at := range a.At[:a.N] {
		if a.Corrupt[n] != 0 {
			continue
		}
		s.schedule.add(at, deliverUp, s.air.copyFeedback(f), 0)
	}
}

// account notes what an ask calls for.
func (s *Simulation) account(n wire.NACK, f *wire.Feedback) {
	o := s.byTOI[n.TOI]
	if o == nil || !wire.IsData(n.TOI) {
		return
	}
	for sbn := n.SBN; sbn < n.SBN+n.Count; sbn++ {
		o.blocks[sbn].ask(f.PacketSequence, min(int(n.Symbols), o.part.SourceSymbols(sbn)))
	}
}
