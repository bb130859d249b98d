package receiver

import "fanfare/internal/wire"

// demote takes what an acknowledgment says: whether the sender answers asks for data. If not, none
// are sent: what was wanted or asked for is dropped. (A forged one costs a detour by unicast until
// the next true one.)
func (e *Engine) demote(demoted bool) {
	if demoted == e.demoted {
		return
	}
	e.demoted = demoted
	if !demoted {
		e.events.push(Event{Kind: Promoted})
		return
	}
	e.events.push(Event{Kind: Demoted})
	for _, o := range e.objects.order {
		if !wire.IsData(o.toi) {
			continue
		}
		for _, b := range o.open {
			e.unwant(o, b)
			e.asking.release(b)
		}
	}
}

// Demoted reports whether the sender has demoted this receiver.
func (e *Engine) Demoted() bool { return e.demoted }
