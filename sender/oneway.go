package sender

import "time"

const (
	// oneWayInterval is the least between two heartbeats of a session without a return path: they
	// tell the head of the log, and nobody answers.
	oneWayInterval = 200 * time.Millisecond
	// There, what a burst takes comes back in the next cycle only, so as many blocks take turns as
	// go in oneWaySpread, eight at least, oneWayInterleave at most. At 10 % loss in bursts of 20, with
	// 20 % proactive repair and 200 Mb/s, that took the last of 20 edges from 2.7 cycles to 1.9
	// (testbed/sim, TestOneWayTwoCycles).
	oneWaySpread     = 200 * time.Millisecond
	oneWayInterleave = 32
)

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
