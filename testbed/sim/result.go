package sim

import (
	"time"

	"fanfare/internal/mono"
	"fanfare/receiver"
	"fanfare/sender"
)

// Result is what a run came to.
type Result struct {
	// At is when it ended, Finished whether every edge had every object then.
	At       time.Duration
	Finished bool
	// Trace is a hash of everything that happened, in order.
	Trace uint64
	// Objects are in the order of publication.
	Objects []ObjectResult
	// Sender and Receivers are the counters of the origin and of all edges together, over all
	// their starts.
	Sender    sender.Stats
	Receivers receiver.Stats
	// FeedbackMessages and FeedbackBytes count what all edges sent to the origin.
	FeedbackMessages, FeedbackBytes uint64
	// Log is about real entries.
	Log LogResult
}

// FeedbackShare returns bytes of feedback over bytes sent.
func (r *Result) FeedbackShare() float64 {
	return float64(r.FeedbackBytes) / float64(max(r.Sender.BytesSent, 1))
}

// ObjectResult is what one object came to.
type ObjectResult struct {
	TOI uint32
	// Source counts source symbols, Sent all symbols sent, of either kind, Proactive those of them
	// that were repair symbols sent unasked.
	Source, Sent, Proactive int
	// Margin counts repair symbols sent beyond what was asked for, so that nobody asks again.
	Margin int
	// RepairedTwice and Surplus are explained in the package comment.
	RepairedTwice, Surplus int
	// FirstPass is when the first pass was over, Last when the last edge had the object, both
	// after publication; -1 if not. Done counts the edges that have it.
	FirstPass, Last time.Duration
	Done            int
}

// Ratio returns symbols sent over source symbols.
func (o *ObjectResult) Ratio() float64 { return float64(o.Sent) / float64(max(o.Source, 1)) }

// result sums up.
func (s *Simulation) result() Result {
	r := Result{
		At: s.Now(), Finished: s.missing == 0 && s.pending == 0, Trace: uint64(s.trace),
		FeedbackMessages: s.uplink.messages, FeedbackBytes: s.uplink.bytes,
	}
	r.Sender = s.origin.earlier
	if s.origin.engine != nil {
		r.Sender = addStats(s.origin.earlier, s.origin.engine.Stats())
	}
	for i := range s.edges {
		r.Receivers = addReceiverStats(r.Receivers, s.edges[i].earlier)
		if e := s.edges[i].engine; e != nil {
			r.Receivers = addReceiverStats(r.Receivers, e.Stats())
		}
	}
	r.Log = s.audit(r.Finished)
	for _, o := range s.objects {
		r.Objects = append(r.Objects, o.result())
	}
	return r
}

func (o *published) result() ObjectResult {
	r := ObjectResult{TOI: o.toi, FirstPass: -1, Last: -1}
	for sbn := range o.blocks {
		b := &o.blocks[sbn]
		k := o.part.SourceSymbols(uint32(sbn))
		r.Source += k
		r.Proactive += b.unasked
		r.Margin += b.margin
		r.Sent += b.total()
		r.RepairedTwice += b.twice(k)
		r.Surplus += b.surplus()
	}
	if o.passed != mono.Never {
		r.FirstPass = o.passed.Sub(o.at)
	}
	for _, at := range o.done {
		if at != mono.Never && at != dropped {
			r.Done++
			r.Last = max(r.Last, at.Sub(o.at))
		}
	}
	return r
}

// addStats adds the counters that results show; gauges are b's.
func addStats(a, b sender.Stats) sender.Stats {
	b.PacketsSent += a.PacketsSent
	b.BytesSent += a.BytesSent
	b.SourceSymbolsSent += a.SourceSymbolsSent
	b.ProactiveSymbolsSent += a.ProactiveSymbolsSent
	b.MarginSymbolsSent += a.MarginSymbolsSent
	b.RepairSymbolsSent += a.RepairSymbolsSent
	b.ControlPacketsSent += a.ControlPacketsSent
	b.HeartbeatsSent += a.HeartbeatsSent
	b.FeedbackReceived += a.FeedbackReceived
	b.NACKsReceived += a.NACKsReceived
	b.BlocksAsked += a.BlocksAsked
	b.AsksMerged += a.AsksMerged
	b.AsksRefused += a.AsksRefused
	b.NACKsDemoted += a.NACKsDemoted
	b.NACKsDeferred += a.NACKsDeferred
	return b
}

// addReceiverStats adds the counters that results show.
func addReceiverStats(a, b receiver.Stats) receiver.Stats {
	a.PacketsReceived += b.PacketsReceived
	a.PacketsLost += b.PacketsLost
	a.PacketsDuplicate += b.PacketsDuplicate
	a.PacketsReordered += b.PacketsReordered
	a.PacketsInvalid += b.PacketsInvalid
	a.SymbolsKept += b.SymbolsKept
	a.SymbolsDuplicate += b.SymbolsDuplicate
	a.SymbolsUnneeded += b.SymbolsUnneeded
	a.SymbolsRefused += b.SymbolsRefused
	a.BlocksWhole += b.BlocksWhole
	a.BlocksDecoded += b.BlocksDecoded
	a.ObjectsWhole += b.ObjectsWhole
	a.NACKsSent += b.NACKsSent
	a.BlocksAsked += b.BlocksAsked
	a.NACKsSuppressed += b.NACKsSuppressed
	a.ReportsSent += b.ReportsSent
	a.BacklogsSent += b.BacklogsSent
	a.SocketDrops += b.SocketDrops
	a.SenderRestarts += b.SenderRestarts
	return a
}
