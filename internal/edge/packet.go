package edge

import (
	"errors"

	"fanfare/control"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// packetCounts counts datagrams of the group that were dropped, by reason: wire.Reason's words,
// and those below. Their number is fixed, whatever arrives.
type packetCounts map[string]uint64

const (
	dropSession    = "other_session" // a packet of another session
	dropHead       = "head"          // a heartbeat without a head that the origin signed
	dropGeneration = "generation"    // a head of another generation or channel
	dropEntry      = "entry"         // a control object that is no entry of the origin's
	dropOutdated   = "outdated"      // a control object while the origin's log does not fit what is here
)

// read handles datagrams that have arrived, not many more than packetsPerTurn; more says that
// there may be others.
func (l *loop) read() (more bool, err error) {
	for handled := 0; handled < packetsPerTurn; {
		batch, err := l.edge.group.Read()
		if err != nil {
			return false, err
		}
		now := l.clock.Now()
		l.engine.Backlog(now, l.edge.group.Backlog(), l.taken())
		switch {
		case len(batch) > 0:
		case handled == 0: // something else ended the wait
			return false, l.drainUnicast()
		default:
			return false, nil
		}
		l.packets += uint64(len(batch))
		handled += len(batch)
		for i := range batch {
			l.engine.SocketDropped(batch[i].Dropped)
			l.datagram(now, batch[i].Payload, batch[i].Marked)
		}
		l.events(now)
		if !l.edge.group.More() {
			return false, nil
		}
	}
	return true, nil
}

// taken returns how many bytes were read from the group so far, with the headers of IP and UDP.
func (l *loop) taken() uint64 {
	s := l.edge.group.Stats()
	return s.BytesReceived + uint64(l.headers)*s.PacketsReceived
}

// drainUnicast throws away what comes back on the feedback socket: the origin sends nothing
// there, but ICMP errors must not keep the poller awake.
func (l *loop) drainUnicast() error {
	if l.edge.unicast == nil {
		return nil
	}
	for {
		batch, err := l.edge.unicast.Read()
		if err != nil || len(batch) == 0 {
			return err
		}
	}
}

// datagram handles one datagram of the group; marked says that a router marked it for congestion. A
// bad one is counted and dropped.
func (l *loop) datagram(now mono.Time, b []byte, marked bool) {
	p := &l.packet
	if err := wire.Parse(b, p); err != nil {
		l.counts[wire.Reason(err)]++
		return
	}
	if p.TSI != l.channel {
		l.counts[dropSession]++
		return
	}
	if marked {
		l.engine.Marked(now, 1)
	}
	switch {
	case p.TOI == wire.HeartbeatTOI:
		l.handleHeartbeat(now, p)
	case wire.IsControl(p.TOI) && l.doubt.holdsBack():
		l.counts[dropOutdated]++
	case !l.engine.HandlePacket(now, p): // its symbol is not needed
	case wire.IsData(p.TOI):
		l.keepSymbol(now, p)
	default:
		l.keepControl(now, p)
	}
}

// handleHeartbeat hands a heartbeat to the engine if the origin signed the head in it.
func (l *loop) handleHeartbeat(now mono.Time, p *wire.Packet) {
	h := &l.heartbeat
	if err := wire.ParseHeartbeat(p.Payload, h); err != nil {
		l.counts[wire.Reason(err)]++
		return
	}
	if !l.doubt.believed.is(h.Head, h.Instance) && !l.openHead(now, h.Head, h.Instance) {
		return
	}
	l.engine.HandleHeartbeat(now, p, h)
}

// openHead verifies a signed head that is not the one in the heartbeat before, or of another start of
// the sender, and takes what it says. ok means that the heartbeat it came in may be believed.
func (l *loop) openHead(now mono.Time, raw []byte, instance uint64) (ok bool) {
	head, proof, err := l.verifier.head(raw)
	if err != nil {
		l.counts[dropHead]++
		l.tellOnce("a heartbeat on the group is not signed with the session's key, and is ignored", "error", err)
		return false
	}
	switch err := l.cache.CheckHead(head); {
	case errors.Is(err, control.ErrGeneration), errors.Is(err, control.ErrChannel):
		l.counts[dropGeneration]++
		l.tellOnce("the origin on the group is of another generation than the session file, and is ignored; "+
			"copy its new session.ff here", "heard", head.Generation, "session", l.generation)
		return false
	case err != nil:
		l.suspect(now, true, anotherLog, "error", err)
		l.doubt.believed.set(raw, instance)
		return true
	}
	l.doubt.believed.set(raw, instance)
	if l.doubt.outdated {
		l.doubt.hurry(now, int(l.engine.Stats().Edges))
		return true // it counts once the origin has said that it has what is here
	}
	if known := l.highestSigned(); head.Sequence < known {
		if instance != l.doubt.taken { // else it was overtaken on the way
			l.suspect(now, false, "the origin's log ends before what it has signed: its directory was restored from an older copy, or somebody sends old packets again",
				"head", head.Sequence, "signed", known)
		}
		return true
	}
	if !l.feed.heard {
		l.log.Info("the origin's head is verified", "head", head.Sequence)
	}
	l.doubt.taken = instance
	if l.feed.hear(head) {
		l.doubt.newest = append(l.doubt.newest[:0], proof...)
		l.plan(now) // before the engine sees the heartbeat, which may say that they are on their way
		l.readinessDue = true
	}
	return true
}

// tellOnce logs a sentence about what was refused the first time it is said.
func (l *loop) tellOnce(sentence string, arguments ...any) {
	if !l.refused[sentence] {
		l.refused[sentence] = true
		l.log.Error(sentence, arguments...)
	}
}
