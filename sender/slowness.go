package sender

import (
	"time"

	"fanfare/internal/mono"
)

// slowness decides when the loop is told that the edges cannot keep up, and that they can again.
type slowness struct {
	// pressed is since when the rate is pressed, but for short relief, and relieved since when it is
	// not any more; 0 if it is not, or is.
	pressed, relieved mono.Time
	told              bool
}

const (
	// Less than slowRate of the rate is slow. slowAfter is how long the rate is pressed until the
	// loop is told, with relief of less than that; slowOver how long it must be over.
	slowRate  = 0.9
	slowAfter = time.Second
	slowOver  = 10 * time.Second
)

// tellPressure tells the loop of slow edges.
func (e *Engine) tellPressure(now mono.Time) {
	s := &e.pressure.slowness
	if e.pressure.current < slowRate*e.rate.current {
		if s.pressed == 0 {
			s.pressed = now
		}
		s.relieved = 0
		if !s.told && now.Sub(s.pressed) >= slowAfter {
			s.told = true
			e.events.push(Event{Kind: EdgesBehind})
		}
		return
	}
	switch {
	case s.pressed == 0:
	case s.relieved == 0:
		s.relieved = now
	case now.Sub(s.relieved) < slowAfter, s.told && now.Sub(s.relieved) < slowOver:
	default:
		if s.told {
			e.events.push(Event{Kind: EdgesKeepUp})
		}
		*s = slowness{}
	}
}
