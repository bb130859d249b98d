package mcast

import (
	"time"

	"fanfare/internal/mono"
)

// epoch is the zero of every Clock in the process, so that a Poller and any number of
// engines agree on what a mono.Time means. It lies a second back: no present is ever 0.
var epoch = time.Now().Add(-time.Second)

// Clock reads the monotonic clock in the engines' unit. All Clocks of a process agree.
// Its zero value is ready; any goroutine may use it.
type Clock struct{}

// NewClock returns a Clock.
func NewClock() Clock { return Clock{} }

// Now returns the present. It never goes back and is always above 0.
func (Clock) Now() mono.Time { return mono.Time(time.Since(epoch)) }
