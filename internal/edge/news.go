package edge

import (
	"slices"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
	"fanfare/receiver"
)

const (
	// newsPause is the least time that a report with news is given to be acknowledged; it doubles
	// with every repetition. Heartbeats, which acknowledge, come at 1, 2, 4, ... ms after the
	// last thing sent, so the first pauses meet some.
	newsPause = 10 * time.Millisecond
	// newsRepeats is how often it is repeated; after that regular reports must do.
	newsRepeats = 6
	// newsPausePerEdge keeps repetitions of a large group apart: a heartbeat acknowledges few.
	newsPausePerEdge = 2 * time.Millisecond
)

// news sees to it that the origin hears soon what has changed: a report that tells of it
// is repeated until a heartbeat acknowledges one, since a lost one would otherwise keep whoever
// waits for this edge waiting for the next regular report, for seconds.
type news struct {
	// untold says that something changed since the last report.
	untold bool
	// counters are those of the reports that told; none: nothing is unacknowledged.
	counters []uint64
	// due is when the report is repeated.
	due   mono.Time
	pause time.Duration
}

func newNews() news { return news{due: mono.Never} }

// reported takes note of a report.
func (n *news) reported(now mono.Time, counter uint64, s receiver.Stats) {
	if n.untold {
		n.untold = false
		n.counters = n.counters[:0]
		n.pause = max(newsPause, 2*s.RTT, time.Duration(s.Edges)*newsPausePerEdge)
	} else if len(n.counters) == 0 {
		return
	}
	n.counters = append(n.counters, counter)
	n.due = now.Add(n.pause)
	n.pause *= 2
	if len(n.counters) > newsRepeats {
		n.end()
	}
}

// acknowledged takes the echoes of a heartbeat.
func (n *news) acknowledged(edge uint64, echoes []wire.Echo) {
	for _, e := range echoes {
		if e.Edge == edge && slices.Contains(n.counters, e.Counter) {
			n.end()
		}
	}
}

func (n *news) end() {
	n.counters = n.counters[:0]
	n.due = mono.Never
}

// repeat reports whether it is time to report again.
func (n *news) repeat(now mono.Time) bool {
	if now < n.due {
		return false
	}
	n.due = mono.Never // reported sets it
	return true
}
