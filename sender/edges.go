package sender

import (
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// edges remembers who gave feedback lately, and what to acknowledge in the next heartbeat.
type edges struct {
	table map[uint64]*edge
	limit int
	// demoted counts those that are.
	demoted int
	// echoes are the latest messages since the last heartbeat, oldest first.
	echoes []echo
}

type edge struct {
	EdgeInfo
	counter uint64
	// burstMilli is the mean length of runs of lost packets that the edge last reported.
	burstMilli uint32
	payer      payer
	standing   standing
	// eventPPM is the loss event rate that it last reported, if reported.
	eventPPM uint32
	reported bool
	backlog  backlog
}

type echo struct {
	edge, counter uint64
	at            mono.Time
}

const (
	sweepInterval = time.Second
	// A new sample moves the smoothed round trip by one part in rttGain.
	rttGain = 8
)

func newEdges(limit int) edges {
	return edges{table: make(map[uint64]*edge), limit: limit, echoes: make([]echo, 0, wire.MaxEchoes)}
}

// hear takes note of feedback. It returns the edge, or nil if there is no room for it, and
// whether newer feedback of it came before.
func (s *edges) hear(now mono.Time, f *wire.Feedback) (e *edge, stale bool) {
	if e = s.table[f.Edge]; e == nil {
		if len(s.table) >= s.limit {
			return nil, false
		}
		e = &edge{}
		s.table[f.Edge] = e
	} else if f.Counter <= e.counter {
		return e, true
	}
	e.counter, e.Heard = f.Counter, now
	if f.Report != nil {
		e.hearRate(f.Report)
		e.LossPPM, e.burstMilli = min(f.Report.LossPPM, 1e6), f.Report.BurstMilli
	}
	if len(s.echoes) == wire.MaxEchoes {
		copy(s.echoes, s.echoes[1:])
		s.echoes = s.echoes[:wire.MaxEchoes-1]
	}
	s.echoes = append(s.echoes, echo{f.Edge, f.Counter, now})
	return e, false
}

// sample smooths a round trip and returns the result.
func (e *edge) sample(rtt time.Duration) time.Duration {
	if e.RTT == 0 {
		e.RTT = rtt
	} else {
		e.RTT += (rtt - e.RTT) / rttGain
	}
	return e.RTT
}

// sweep forgets edges that were not heard of for a lifetime.
func (s *edges) sweep(now mono.Time, lifetime time.Duration) {
	for id, e := range s.table { // the order cannot be seen
		if now.Sub(e.Heard) > lifetime {
			if e.Demoted {
				s.demoted--
			}
			delete(s.table, id)
		}
	}
}

// acknowledge appends the pending echoes, newest first, and clears them.
func (s *edges) acknowledge(now mono.Time, list []wire.Echo) []wire.Echo {
	for i := len(s.echoes) - 1; i >= 0; i-- {
		e := s.echoes[i]
		known := s.table[e.edge]
		list = append(list, wire.Echo{
			Edge: e.edge, Counter: e.counter, Held: now.Sub(e.at), Demoted: known != nil && known.Demoted,
		})
	}
	s.echoes = s.echoes[:0]
	return list
}
