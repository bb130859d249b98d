package sim

import (
	"fmt"
	"time"

	"fanfare/testbed/netem"
)

// Pattern says how packets are lost.
type Pattern string

// The patterns.
const (
	// Independent: each edge loses each packet by itself.
	Independent Pattern = "independent"
	// Unequal: the same, but every second edge loses half as much, every fourth a quarter, and the last
	// of four a tenth.
	Unequal Pattern = "unequal"
	// Bursty: each edge loses packets by itself, in bursts of BurstLength on average (Gilbert-Elliott).
	Bursty Pattern = "bursty"
	// Shared: all edges lose the same packets, near the origin.
	Shared Pattern = "shared"
	// BadFeedback is Independent where a tenth of the feedback is lost, a tenth comes twice, and a
	// fifth up to a round trip late.
	BadFeedback Pattern = "bad-feedback"
	// LateJoiners is Independent where one in ten of the edges, at least one, is started when half of
	// the object has been sent.
	LateJoiners Pattern = "late-joiners"
)

// Patterns are all of them.
var Patterns = []Pattern{Independent, Unequal, Bursty, Shared, BadFeedback, LateJoiners}

// BurstLength is the mean length of a burst of Bursty, in packets.
const BurstLength = 5

// unequal has the shares of Trial.Loss that edges of Unequal lose, by turns.
var unequal = [4]float64{1, 0.5, 0.25, 0.1}

// links returns the links of the edges, and of the trunk.
func (t *Trial) links() (edges []Edge, trunk netem.Config, err error) {
	down, up := netem.Config{Delay: t.RTT / 2}, netem.Config{Delay: t.RTT / 2}
	switch t.Pattern {
	case Independent, LateJoiners, Unequal:
		down.Loss = t.Loss
	case Bursty:
		down.Burst = netem.Bursts(t.Loss, BurstLength)
	case Shared:
		trunk.Loss = t.Loss
	case BadFeedback:
		down.Loss = t.Loss
		up.Loss, up.Duplicate, up.Jitter = 0.1, 0.1, time.Millisecond
		up.Reorder, up.ReorderDelay = 0.2, t.RTT
	default:
		return nil, trunk, fmt.Errorf("sim: no pattern %q", t.Pattern)
	}
	edges = Star(t.Edges, down, up)
	for i := range edges {
		if t.Pattern == Unequal {
			edges[i].Down.Loss = t.Loss * unequal[i%len(unequal)]
		}
		if t.late(i) {
			edges[i].Join = -1
		}
	}
	return edges, trunk, nil
}

// late reports whether an edge is started late.
func (t *Trial) late(i int) bool { return t.Pattern == LateJoiners && i%10 == 0 }

// losers says who loses what, for Ideal.
func (t *Trial) losers() []Losers {
	if t.Pattern != Unequal {
		return []Losers{{t.Edges, t.Loss}}
	}
	list := make([]Losers, len(unequal))
	for i := range list {
		list[i] = Losers{(t.Edges + len(unequal) - 1 - i) / len(unequal), t.Loss * unequal[i]}
	}
	return list
}
