package sim

import (
	"fmt"

	"fanfare/internal/carousel"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
	"fanfare/sender"
	"fanfare/testbed/netem"
)

// origin is the loop around the sender, and the trunk.
type origin struct {
	engine  *sender.Engine
	trunk   *netem.Link
	armed   mono.Time
	starts  uint64
	leave   []int // flights that left in this instant
	earlier sender.Stats
	// unasked and margin count symbols that the engine has sent on its own account.
	unasked, margin uint64
	// carousel repeats everything in a one-way session, else nil.
	carousel *carousel.Carousel
}

// startOrigin starts a new instance of the sender, which finds the log as it is.
func (s *Simulation) startOrigin() error {
	cfg := s.cfg.Sender
	s.origin.starts++
	cfg.TSI, cfg.Instance, cfg.Started = tsi, s.cfg.Seed^s.origin.starts<<32|1, 0
	if n := len(s.objects); n > 0 {
		cfg.Started = s.objects[n-1].toi
	}
	cfg.OneWay = s.cfg.OneWay != nil
	engine, err := sender.New(cfg, s.cfg.stream(forSender, int(s.origin.starts)), s.now)
	if err != nil {
		return err
	}
	s.origin.engine, s.origin.unasked, s.origin.margin = engine, 0, 0
	s.origin.armed = mono.Never
	s.startCarousel()
	s.pumpOrigin()
	return nil
}

// RestartOrigin ends the sender and starts a new instance, which holds no object.
func (s *Simulation) RestartOrigin() {
	s.StopOrigin()
	for _, o := range s.objects {
		for i := range o.blocks {
			o.blocks[i].restart()
		}
	}
	s.fail(s.startOrigin())
}

// StopOrigin ends the sender, until RestartOrigin.
func (s *Simulation) StopOrigin() {
	if s.origin.engine == nil {
		return
	}
	s.origin.earlier = addStats(s.origin.earlier, s.origin.engine.Stats())
	s.origin.engine = nil
}

// offer hands an object to the sender.
func (s *Simulation) offer(o *published, sent bool) error {
	if s.cfg.OneWay != nil {
		return s.offerOneWay(o)
	}
	if s.cfg.Entries && !sent {
		if err := s.origin.engine.Add(s.now, sender.ObjectInfo{TOI: o.control, OTI: o.entry}); err != nil {
			return err
		}
	}
	if o.bare {
		return nil
	}
	return s.origin.engine.Add(s.now, sender.ObjectInfo{TOI: o.toi, OTI: o.oti, Sent: sent, Priority: o.priority, Proactive: s.cfg.Proactive})
}

// pumpOrigin does what the sender's loop does after each batch of inputs.
func (s *Simulation) pumpOrigin() {
	if s.origin.engine == nil {
		return
	}
	for range 4 {
		s.answerOrigin()
		s.repeatAll()
		s.sendAll()
		if s.originTimeout() > s.now {
			s.spreadTrain()
			s.wakeOrigin()
			return
		}
	}
	s.fail(fmt.Errorf("%w: sender, at %v", ErrSpin, s.Now()))
}

// answerOrigin answers the events of the sender.
func (s *Simulation) answerOrigin() {
	e := s.origin.engine
	for ev, ok := e.NextEvent(); ok; ev, ok = e.NextEvent() {
		o := s.byTOI[ev.TOI]
		switch {
		case o == nil:
		case ev.Kind == sender.FirstPassDone && wire.IsData(ev.TOI):
			o.passed = min(o.passed, s.now)
			if c := s.origin.carousel; c != nil {
				c.Ended(s.now, ev.TOI)
			}
		case ev.Kind == sender.ObjectUnknown && wire.IsData(ev.TOI):
			s.fail(s.offer(o, true))
		case ev.Kind == sender.ObjectUnknown:
			s.fail(e.Add(s.now, sender.ObjectInfo{TOI: o.control, OTI: o.entry, Sent: true}))
		}
	}
}

// sendAll sends every packet that the sender has for now.
func (s *Simulation) sendAll() {
	for {
		i := s.air.flight()
		f := &s.air.flights[i]
		if !s.origin.engine.NextPacket(s.now, &f.packet) {
			s.air.release(i)
			return
		}
		s.launch(i, f)
	}
}

// launch completes a packet as the loop would, accounts for it, and sends it down the trunk.
func (s *Simulation) launch(i int, f *flight) {
	f.size, f.transmission = 64+s.cfg.Sender.PacketOverhead, 0
	if f.packet.TOI == wire.HeartbeatTOI {
		s.origin.engine.Advertise(s.now, &f.beat)
		f.head = len(s.objects)
		f.size += 200
	} else if o := s.byTOI[f.packet.TOI]; wire.IsData(f.packet.TOI) {
		stats := s.origin.engine.Stats()
		unasked, margin := stats.ProactiveSymbolsSent, stats.MarginSymbolsSent
		f.transmission = o.blocks[f.packet.SBN].transmit(f.packet.PacketSequence, unasked > s.origin.unasked, margin > s.origin.margin)
		s.origin.unasked, s.origin.margin = unasked, margin
		if b := &o.blocks[f.packet.SBN]; b.total() == int(f.packet.SourceBlockLength) {
			b.passed = s.now
		}

		f.size += int(o.oti.SymbolLength)
	}
	s.trace.add(uint64(s.now), uint64(f.packet.TOI)<<32|uint64(f.packet.SBN), uint64(f.packet.ESI)<<32|uint64(f.packet.PacketSequence))
	t := s.origin.trunk
	if t.Plain() && t.Delay() == 0 {
		if t.Lose(s.now) {
			s.air.release(i)
		} else {
			s.origin.leave = append(s.origin.leave, i)
		}
		return
	}
	a := t.SendGroup(s.now, f.size)
	for n, at := range a.At[:a.N] {
		if a.Corrupt[n] != 0 {
			continue
		}
		f.users++
		s.schedule.add(at, leaveTrunk, i, 0)
	}
	s.air.release(i)
}

// spreadTrain sends what left in this instant to all edges.
func (s *Simulation) spreadTrain() {
	if len(s.origin.leave) == 0 {
		return
	}
	s.spread(s.origin.leave)
	for _, i := range s.origin.leave {
		s.air.release(i)
	}
	s.origin.leave = s.origin.leave[:0]
}

// spread puts flights on the links of all edges.
func (s *Simulation) spread(flights []int) {
	if len(s.classes) > 0 {
		t := s.air.train(flights, len(s.classes))
		for c := range s.classes {
			s.schedule.add(s.now.Add(s.classes[c].delay), deliverClass, t, c)
		}
	}
	for i := range s.edges {
		e := &s.edges[i]
		if e.plain {
			continue
		}
		for _, n := range flights {
			a := e.down.SendGroup(s.now, s.air.flights[n].size)
			for c, at := range a.At[:a.N] {
				if a.Corrupt[c] != 0 {
					continue
				}
				s.air.flights[n].users++
				s.schedule.add(at, deliverEdge, n, i)
			}
		}
	}
}

// originTimeout returns when the origin has something to do.
func (s *Simulation) originTimeout() mono.Time {
	t := s.origin.engine.NextTimeout()
	if c := s.origin.carousel; c != nil {
		t = min(t, c.NextTimeout())
	}
	return t
}

// wakeOrigin arms the sender's timer.
func (s *Simulation) wakeOrigin() {
	if t := s.originTimeout(); t < s.origin.armed {
		s.origin.armed = t
		s.schedule.add(t, wakeSender, 0, 0)
	}
}
