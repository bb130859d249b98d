package sender

import (
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// Advertise fills in the heartbeat that a packet with wire.HeartbeatTOI carries: all but Head.
// It reuses the slices in h. It charges for what is longer than NextPacket took it for.
func (e *Engine) Advertise(now mono.Time, h *wire.Heartbeat) {
	e.advertise(now, h)
	if more := outstandingBytes*len(h.Outstanding) + echoBytes*len(h.Echoes) - listBytes; more > 0 {
		e.pacer.charge(now, more)
		e.stats.BytesSent += uint64(more)
	}
}

// What elements of a heartbeat's lists take about, and what heartbeatBytes has for both lists.
const (
	outstandingBytes = 10
	echoBytes        = 23
	listBytes        = 100
)

// advertise fills in h.
func (e *Engine) advertise(now mono.Time, h *wire.Heartbeat) {
	h.Instance = e.cfg.Instance
	h.Rate = e.rate.bitRate()
	h.GRTT = e.grtt.estimate()
	h.Edges = uint32(e.groupSize(now))
	h.ReportInterval = e.reportInterval(now)
	e.progress.tell(h, &e.schedule, e.objects.started)
	h.Echoes = e.edges.acknowledge(now, h.Echoes[:0])
	h.Outstanding, h.Truncated = h.Outstanding[:0], false
	lists := [3 + 2*classCount]*blockList{&e.control.ready, &e.control.asked, &e.control.waiting}
	for r := range e.repairs.queues {
		lists[3+2*r], lists[4+2*r] = &e.repairs.queues[r].active, &e.repairs.queues[r].bulk
	}
	for _, l := range lists {
		if h.Outstanding, h.Truncated = outstanding(h.Outstanding, l); h.Truncated {
			return
		}
	}
}

// outstanding appends G - T of the blocks of a queue, runs of like neighbours as one. It
// reports whether the list is too long.
func outstanding(list []wire.Outstanding, l *blockList) (_ []wire.Outstanding, truncated bool) {
	for b := l.front; b != nil; b = b.next {
		symbols := uint16(min(b.outstanding(), wire.NeedAll))
		if i := len(list) - 1; i >= 0 {
			last := &list[i]
			if last.TOI == b.object.toi && last.Symbols == symbols && last.SBN+last.Count == b.sbn {
				last.Count++
				continue
			}
		}
		if len(list) == wire.MaxOutstanding {
			return list, true
		}
		list = append(list, wire.Outstanding{TOI: b.object.toi, SBN: b.sbn, Count: 1, Symbols: symbols})
	}
	return list, false
}
