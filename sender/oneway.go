package sender

import "time"

// oneWayInterval is the least between two heartbeats of a session without a return path: they tell
// the head of the log, and nobody answers.
const oneWayInterval = 200 * time.Millisecond

// calm has heartbeats go out at their slowest pace only.
func (h *heartbeat) calm() {
	h.quiet = true
	h.pause, h.least = idleLongest, max(h.least, oneWayInterval)
}

// release forgets an object that has been sent, if nobody can ask for it: ev is the event that
// said so.
func (e *Engine) release(ev Event) {
	if !e.cfg.OneWay || ev.Kind != FirstPassDone {
		return
	}
	if o := e.objects.table[ev.TOI]; o != nil && !o.busy() {
		e.forget(o)
		e.events.push(Event{Kind: ObjectForgotten, TOI: ev.TOI})
	}
}
