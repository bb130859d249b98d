package origin

import (
	"fanfare/internal/mono"
	"fanfare/internal/session"
	"fanfare/internal/wire"
	"fanfare/sender"
)

// takeEvents does what the engine asks for.
func (l *loop) takeEvents(now mono.Time) {
	for {
		event, ok := l.engine.NextEvent()
		if !ok {
			return
		}
		l.handleEvent(now, event)
	}
}

func (l *loop) handleEvent(now mono.Time, event sender.Event) {
	switch event.Kind {
	case sender.FirstPassDone:
		l.bundles.passed(event.TOI)
		l.oneWay.ended(now, event.TOI)
	case sender.ObjectForgotten:
		l.payloads.Forget(event.TOI)
		l.bundles.passed(event.TOI)
		l.oneWay.ended(now, event.TOI)
	case sender.ObjectUnknown:
		l.recall(now, event.TOI)
	case sender.EdgesBehind:
		s := l.engine.Stats()
		l.log.Warn("edges cannot keep up, and the origin sends more slowly", "edges", s.EdgesBacklogged, "of", s.Edges,
			"rate", session.Rate(s.Rate), "allowed", session.Rate(s.RateAllowed))
	case sender.EdgesKeepUp:
		l.log.Info("edges keep up again", "allowed", session.Rate(l.engine.Stats().RateAllowed))
	}
}

// recall hands the engine an object that an edge asks for and that was sent long ago. What
// never was, what is retired, what still waits for its first pass, and what is too much is ignored.
func (l *loop) recall(now mono.Time, toi uint32) {
	sequence := wire.Sequence(toi, l.sequence)
	if sequence == 0 || sequence > l.sequence {
		return
	}
	o := outgoing{info: sender.ObjectInfo{TOI: toi, Sent: true}, sequence: sequence}
	if wire.IsControl(toi) {
		if !l.mayRecall(now, toi, recallEntry) {
			return
		}
		entry, err := l.entries.entry(sequence)
		if err != nil {
			if l.unsendable.news(now, sequence) {
				l.log.Error("an entry cannot be read", "sequence", sequence, "error", err)
			}
			return
		}
		o.entry, o.info.OTI = entry, controlOTI(len(entry), l.heartbeat)
	} else {
		oti, kept := l.spool.OTI(sequence)
		if !kept || l.bundles.waits(sequence) || !l.mayRecall(now, toi, recallBundle) {
			return
		}
		// Packets that are named and cannot be made leave gaps in the numbers that all edges take for loss.
		if err := l.spool.Inspect(sequence); err != nil {
			l.tellUnsendable(now, sequence, err)
			l.engine.Cancel(now, toi)
			return
		}
		o.info.OTI = oti
	}
	// A full engine is no error: the edge will ask again.
	l.add(now, o)
}

// mayRecall reports whether there is room for calling back an object. If not, whoever asks must do so
// again: what the engine keeps of it makes room for others.
func (l *loop) mayRecall(now mono.Time, toi uint32, cost int) bool {
	if l.recalls.takeAll(now, cost) {
		return true
	}
	l.stats.RecallsRefused++
	l.engine.Cancel(now, toi)
	return false
}

// send sends what the engine has to send, in trains; a call that comes meanwhile, such as a purge, is
// run before the next.
func (l *loop) send(now mono.Time) error {
	for {
		if len(l.unsent) == 0 {
			if l.queue.waiting.Load() {
				return nil // the poller has been woken
			}
			l.fill(now)
		}
		if len(l.unsent) == 0 {
			return nil
		}
		run := l.sameClass()
		n, err := l.write(run)
		l.unsent = l.unsent[n:]
		if err != nil {
			// This packet is lost, as if on the way, and will be repaired.
			l.unsent = l.unsent[min(1, len(l.unsent)):]
			if l.stats.WriteErrors++; l.stats.WriteErrors == 1 {
				l.log.Error("the group's socket refuses a packet", "error", err)
			}
		} else if n < run {
			return nil // no room in the socket
		}
	}
}

// sameClass returns how many of the packets not sent yet have the traffic class of the first.
func (l *loop) sameClass() (n int) {
	class := l.class[len(l.train)-len(l.unsent):]
	for n < len(class) && class[n] == class[0] {
		n++
	}
	return n
}

// write sends the first n packets that are not sent yet, of one traffic class, as far as there is
// room in the socket.
func (l *loop) write(n int) (sent int, err error) {
	if err := l.group.SetTrafficClass(l.class[len(l.train)-len(l.unsent)]); err != nil {
		return 0, err
	}
	return l.group.Write(l.unsent[:n])
}

// fill makes the next train.
func (l *loop) fill(now mono.Time) {
	most := trainLength(l.rate, l.longest)
	if room := most * (l.longest + wire.MaxHeaderLength); cap(l.arena) < room {
		l.arena = make([]byte, 0, room) // it must not move while payloads are read into it
	}
	l.arena, l.train, l.objects, l.class = l.arena[:0], l.train[:0], l.objects[:0], l.class[:0]
	for len(l.train) < most && l.engine.NextPacket(now, &l.packet) {
		start, class := len(l.arena), l.engine.TrafficClass()
		if !l.appendPacket(now) {
			l.arena = l.arena[:start]
			continue
		}
		l.train = append(l.train, l.arena[start:len(l.arena):len(l.arena)])
		l.objects = append(l.objects, l.packet.TOI)
		l.class = append(l.class, l.classes[class])
	}
	for _, failure := range l.payloads.Flush() {
		l.withdraw(failure.TOI)
		l.dropObject(now, failure.TOI, failure.Err)
	}
	l.unsent = l.train
}

// withdraw takes the packets of an object out of the train.
func (l *loop) withdraw(toi uint32) {
	kept := 0
	for i, other := range l.objects {
		if other != toi {
			l.train[kept], l.objects[kept], l.class[kept] = l.train[i], other, l.class[i]
			kept++
		}
	}
	l.train, l.objects, l.class = l.train[:kept], l.objects[:kept], l.class[:kept]
}

// appendPacket appends the packet named by l.packet to the arena, which has room for it. The
// payload is made in its place, or will be there after payloads.Flush.
func (l *loop) appendPacket(now mono.Time) bool {
	p := &l.packet
	start := len(l.arena)
	payload := start + wire.HeaderLength(p)
	made := l.arena[:payload]
	if p.TOI == wire.HeartbeatTOI {
		l.engine.Advertise(now, &l.beat)
		l.beat.Head = l.head
		made = wire.AppendHeartbeat(made, &l.beat, l.heartbeat)
	} else {
		var err error
		made, err = l.payloads.Symbol(made, p.TOI, p.SBN, int(p.ESI))
		if err != nil {
			l.dropObject(now, p.TOI, err)
			return false
		}
	}
	p.Payload = nil // it is in its place behind the header
	l.arena = wire.Append(l.arena, p)[:len(made)]
	return true
}

// dropObject stops sending an object that cannot be read.
func (l *loop) dropObject(now mono.Time, toi uint32, err error) {
	sequence := wire.Sequence(toi, l.sequence)
	l.tellUnsendable(now, sequence, err)
	l.engine.Cancel(now, toi)
	l.payloads.Forget(toi)
	l.bundles.passed(toi)
	l.oneWay.ended(now, toi)
}
