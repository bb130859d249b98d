package edges

import (
	"time"

	"fanfare/internal/api"
	"fanfare/internal/wire"
)

// recentSpan is how much time the recent packets of an edge are of, at most; at least half of it,
// and at least the time between two reports.
const recentSpan = time.Minute

// sample is what an edge had counted since its start, as of a report.
type sample struct {
	at                    time.Time
	received, lost, drops uint64
}

// recent is how the packets to an edge fared lately: what it counted between two of its reports.
type recent struct {
	base, next, latest sample // next becomes the base when it is half of recentSpan old
}

// note takes a report.
func (r *recent) note(now time.Time, report *wire.Report) {
	s := sample{now, report.PacketsReceived, report.PacketsLost, report.SocketDrops}
	if s.received < r.latest.received || s.drops < r.latest.drops { // it was started again, and counts from 0
		r.base = sample{at: r.latest.at}
		r.next = r.base
	}
	switch {
	case r.base.at.IsZero():
		r.base, r.next = s, s
	case now.Sub(r.next.at) >= recentSpan/2:
		r.base, r.next = r.next, s
	}
	r.latest = s
}

// packets returns what came of them.
func (r *recent) packets() api.Packets {
	since := func(now, then uint64) uint64 { return now - min(then, now) } // a packet that was lost may come after all
	return api.Packets{
		Seconds:  r.latest.at.Sub(r.base.at).Seconds(),
		Received: since(r.latest.received, r.base.received), Lost: since(r.latest.lost, r.base.lost),
		SocketDrops: since(r.latest.drops, r.base.drops),
	}
}
