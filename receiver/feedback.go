package receiver

import (
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// choice is a wanted block and the index of the NACK that it is in.
type choice struct {
	object *object
	block  *block
	nack   int
}

// NextFeedback fills in the feedback message to send now, and reports whether there is one.
// It reuses f.NACKs. When a report is due f.Report is a struct of the engine's with the
// counters of packets and NACKs filled in and all else zero, which the loop completes; it is
// valid until the next call. A message has either NACKs or a report, or neither if it tells of the
// backlog only.
func (e *Engine) NextFeedback(now mono.Time, f *wire.Feedback) (ok bool) {
	e.now = now
	if e.cfg.OneWay {
		return false
	}
	asks := e.asking.wanted > 0 && e.asking.due <= now
	if asks {
		e.rearm()
		asks = e.asking.due <= now
	}
	reports := e.reporter.due() <= now
	if !e.sender.known || !asks && !reports && e.backlogDue() > now {
		return false
	}
	e.counter++
	f.TSI, f.Edge, f.Counter = e.cfg.TSI, e.cfg.Edge, e.counter
	f.Instance, f.PacketSequence = e.sender.instance, e.loss.highest
	f.EchoTime, f.EchoHeld = e.sender.sendTime, now.Sub(e.sender.heard)
	f.NACKs, f.Report = f.NACKs[:0], nil
	e.backlog.tell(now, f)
	switch {
	case asks:
		e.nack(now, f)
	case reports:
		e.fillReport()
		f.Report = &e.report
		e.reporter.sent(now, e.rng, e.counter)
		e.stats.ReportsSent++
	default:
		e.stats.BacklogsSent++
	}
	e.rtt.send(now, e.counter)
	return true
}

// nack fills in as many asks for wanted blocks as fit into one message, oldest first.
func (e *Engine) nack(now mono.Time, f *wire.Feedback) {
	e.choose(now, f)
	f.Fit(wire.MaxFeedback)
	for _, c := range e.asking.chosen {
		if c.nack >= len(f.NACKs) {
			break
		}
		b := c.block
		b.wanted = false
		c.object.wanted--
		e.asking.wanted--
		b.asked = now
		if b.again {
			b.again = false
			continue
		}
		b.asks = min(b.asks, 254) + 1
		b.counter = e.counter
		e.stats.BlocksAsked++
		e.repeat(now, c.object, b, f.NACKs[c.nack].Symbols)
	}
	e.stats.NACKsSent++
	e.rearm()
}

// choose lists the wanted blocks as NACKs, like neighbours as one range.
func (e *Engine) choose(now mono.Time, f *wire.Feedback) {
	e.asking.chosen = e.asking.chosen[:0]
	left := e.asking.wanted
	for _, o := range e.objects.order {
		if left == 0 {
			return
		}
		left -= o.wanted
		wanted := o.wanted
		for i := 0; wanted > 0 && i < len(o.open); i++ {
			b := o.open[i]
			if !b.wanted {
				continue
			}
			wanted--
			if b.due > now {
				continue
			}
			symbols := b.want(e.asking.beat)
			if b.again {
				symbols = b.symbolsAsked
			}
			if !extend(f, o.toi, b.sbn, symbols) {
				if len(f.NACKs) == wire.MaxNACKs {
					return
				}
				f.NACKs = append(f.NACKs, wire.NACK{TOI: o.toi, SBN: b.sbn, Count: 1, Symbols: symbols})
			}
			e.asking.chosen = append(e.asking.chosen, choice{o, b, len(f.NACKs) - 1})
		}
	}
}

// extend makes the last NACK longer by a block, if it is its neighbour and as needy.
func extend(f *wire.Feedback, toi, sbn uint32, symbols uint16) bool {
	if len(f.NACKs) == 0 {
		return false
	}
	last := &f.NACKs[len(f.NACKs)-1]
	if last.TOI != toi || last.SBN+last.Count != sbn || last.Symbols != symbols {
		return false
	}
	last.Count++
	return true
}

// fillReport makes the report that the loop completes.
func (e *Engine) fillReport() {
	e.report = wire.Report{
		PacketsReceived: e.loss.received,
		PacketsLost:     e.loss.lost,
		SocketDrops:     e.loss.dropped,
		NACKsSent:       e.stats.NACKsSent,
		BlocksDecoded:   e.stats.BlocksDecoded,
		BlocksPoisoned:  e.stats.BlocksFailed,
		BlocksFetched:   e.stats.BlocksSupplied,
		PacketsMarked:   e.stats.PacketsMarked,
		LossPPM:         e.loss.recentPPM(e.now),
		LossEventPPM:    e.congestion.ppm(e.loss.highest),
		BurstMilli:      e.loss.burst.milli(),
	}
	e.congestion.told = e.report.LossEventPPM
}
