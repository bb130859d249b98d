package sender

import (
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// maxAsks is how many blocks one feedback message may ask for: as many as a receiver of ours
// asks for at a time.
const maxAsks = 256

// HandleFeedback takes a message of an edge: its asks, and what it tells of round trip and loss.
// f is only read, and not kept. The report in it is the loop's business.
func (e *Engine) HandleFeedback(now mono.Time, f *wire.Feedback) {
	if f.TSI != e.cfg.TSI {
		e.stats.FeedbackForeign++
		return
	}
	e.now = now
	e.stats.FeedbackReceived++
	if e.cfg.OneWay {
		e.stats.FeedbackIgnored++
		return
	}
	known := f.Instance == e.cfg.Instance
	from, stale := e.edges.hear(now, f)
	if e.asker = &e.strangers; from != nil {
		e.asker = &from.payer
	}
	if f.Report != nil {
		e.budget.hear(f)
	}
	switch {
	case stale:
		e.stats.FeedbackStale++
	case from == nil:
		e.stats.EdgesRefused++
	case known && f.Backlog <= backlogShort: // a packet that has waited in a buffer tells nothing of the path
		if rtt, ok := roundTrip(now, f); ok {
			if rtt = from.sample(rtt); !from.Demoted {
				e.grtt.sample(now, rtt)
			}
		}
	}
	if from != nil && !stale {
		e.compare(now, from, f, known)
	}
	if f.Report != nil && !stale && known {
		e.adapt(now)
	}
	if from != nil && !stale && known {
		before := from.backlog.share
		from.hearBacklog(now, f)
		e.press(now, f, before)
	}
	if len(f.NACKs) == 0 {
		return
	}
	e.stats.NACKsReceived++
	if from != nil && !from.standing.outlier {
		from.payer.ppm = from.LossPPM
	}
	room, data := e.admit(now, from, f)
	for _, n := range f.NACKs {
		if data || wire.IsControl(n.TOI) {
			room -= e.ask(now, n, f.PacketSequence, known, room)
		}
	}
}

// roundTrip returns the time from when a packet was sent until its echo came, less the time
// that the edge held it. A time that cannot be is refused.
func roundTrip(now mono.Time, f *wire.Feedback) (time.Duration, bool) {
	away := time.Duration(sendTime(now)-f.EchoTime) * time.Microsecond
	if f.EchoHeld < 0 || f.EchoHeld > away || away-f.EchoHeld > maxRTT {
		return 0, false
	}
	return away - f.EchoHeld, true
}

// ask honours one range of asks, of at most room blocks, and returns how many it was.
func (e *Engine) ask(now mono.Time, n wire.NACK, sequence uint32, known bool, room int) (blocks int) {
	if n.Symbols == 0 || n.Count == 0 || !wire.IsControl(n.TOI) && !wire.IsData(n.TOI) {
		e.stats.AsksInvalid++
		return 0
	}
	o := e.objects.table[n.TOI]
	if o == nil {
		e.stats.AsksUnknown++
		tell, ok := e.unknowns.note(now, n, sequence, known)
		if !ok {
			e.stats.AsksRefused++
		} else if tell {
			e.events.push(Event{Kind: ObjectUnknown, TOI: n.TOI})
		}
		return 0
	}
	if n.SBN >= o.part.Blocks() {
		e.stats.AsksInvalid++
		return 0
	}
	count := min(n.Count, o.part.Blocks()-n.SBN)
	if count > uint32(room) {
		e.stats.AsksRefused += uint64(count) - uint64(room)
		count = uint32(room)
	}
	if count > 0 {
		o.touched = now
	}
	for sbn := n.SBN; sbn-n.SBN < count; sbn++ {
		e.stats.BlocksAsked++
		if !e.askBlock(now, o, sbn, int(n.Symbols), sequence, known) {
			e.stats.AsksMerged++
		}
	}
	return int(count)
}

// askBlock honours the ask for one block; it reports whether more will be sent than before.
func (e *Engine) askBlock(now mono.Time, o *object, sbn uint32, need int, sequence uint32, known bool) bool {
	need = min(need, o.part.SourceSymbols(sbn)) // wire.NeedAll too
	b := o.control
	if b == nil {
		b = e.repairs.find(o.toi, sbn)
	}
	if b != nil && o.control == nil && known && !o.sent && !o.pass.ended(sbn, sequence) {
		return false // asked before the first pass was over, and late
	}
	if b == nil {
		sent, ok := o.opening(sbn, need, sequence, known)
		if !ok {
			return false
		}
		if b = e.repairs.open(now, o, sbn, sent); b == nil {
			e.stats.AsksRefused++
			return false
		}
	}
	seen := b.before
	if known {
		seen = b.seen(sequence)
	}
	if o.control != nil {
		return e.control.ask(b, seen, need)
	}
	extra := e.margin(b, seen, need)
	raised, refused := e.repairs.ask(now, b, seen, need+extra, e.asker)
	if refused {
		e.stats.AsksRefused++
	} else {
		o.margin -= uint32(extra)
		e.hold(now, b, need)
	}
	return raised
}
