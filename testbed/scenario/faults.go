package scenario

import (
	"fmt"
	"strings"
	"time"

	"fanfare/testbed/netem"
)

// Model returns the link model with these faults.
func (f Faults) Model() netem.Config {
	c := netem.Config{
		Rate: uint64(f.Rate), Queue: int(f.Queue), Delay: time.Duration(f.Delay), Jitter: time.Duration(f.Jitter),
		Loss: float64(f.Loss), GroupLoss: float64(f.MulticastLoss), Duplicate: float64(f.Duplicate), Corrupt: float64(f.Corrupt),
		Reorder: float64(f.Reorder), ReorderDelay: time.Duration(f.ReorderDelay),
	}
	if f.Burst != nil {
		c.Burst = netem.Bursts(float64(f.Burst.Loss), f.Burst.Length)
	}
	return c
}

// String says in words what the link does.
func (f Faults) String() string {
	var words []string
	add := func(given bool, format string, arguments ...any) {
		if given {
			words = append(words, fmt.Sprintf(format, arguments...))
		}
	}
	add(f.Rate > 0, "%v", f.Rate)
	add(f.Queue > 0, "queue %v", f.Queue)
	add(f.Delay > 0, "delay %v", f.Delay)
	add(f.Jitter > 0, "jitter %v", f.Jitter)
	add(f.Loss > 0, "%v loss", f.Loss)
	if f.Burst != nil {
		add(true, "%v loss in bursts of %g", f.Burst.Loss, f.Burst.Length)
	}
	add(f.MulticastLoss > 0, "%v loss of multicast", f.MulticastLoss)
	add(f.Duplicate > 0, "%v twice", f.Duplicate)
	add(f.Reorder > 0, "%v late by up to %v", f.Reorder, f.ReorderDelay)
	add(f.Corrupt > 0, "%v corrupt", f.Corrupt)
	if len(words) == 0 {
		return "no faults"
	}
	return strings.Join(words, ", ")
}
