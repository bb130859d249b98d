// Package mono is the time of the protocol engines: a number that only grows.
//
// An engine is handed the present with every call and never asks for it, so the same
// engine runs against a wall clock, in a simulation and in a test. The package therefore
// has no Now: clocks live at the edge of the program (see internal/mcast).
package mono

import (
	"math"
	"time"
)

// Time is a point in time, in nanoseconds since an arbitrary start that all calls into
// one engine share.
type Time int64

// Never is later than every other Time: the deadline of something that is not waited for.
const Never Time = math.MaxInt64

// Add returns t moved by d. Never stays Never.
func (t Time) Add(d time.Duration) Time {
	if t == Never {
		return Never
	}
	return t + Time(d)
}

// Sub returns the time from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }
