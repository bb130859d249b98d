package edge

import (
	"fanfare/edgecache"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// sendFeedback sends what the engine has to tell the origin.
func (l *loop) sendFeedback(now mono.Time) error {
	for l.engine.NextFeedback(now, &l.feedback) {
		if l.feedback.Report != nil {
			l.fillReport(l.feedback.Report)
		}
		l.output = wire.AppendFeedback(l.output[:0], &l.feedback)
		if loss := l.edge.cfg.InjectLoss; loss > 0 && l.feed.rng.Float64() < loss {
			l.stats.FeedbackInjected++
			continue
		}
		if _, err := l.edge.unicast.Write([][]byte{l.output}); err != nil {
			return err
		}
		l.stats.FeedbackSent++
	}
	return nil
}

// fillReport completes a report in which the engine has set its counters. All that it says
// of the cache is durable. wire.AppendFeedback shortens lists that do not fit.
func (l *loop) fillReport(r *wire.Report) {
	s := l.cache.Durable()
	stats := l.cache.Stats()
	r.Name = l.edge.cfg.Name
	r.GenerationOrder, r.GenerationRandom = l.generation.Order, l.generation.Random
	r.Mark, r.Digest, r.Newest, r.Complete = s.Mark, s.Digest, s.Newest, s.Complete
	copy(r.MarkHash[:], s.Hash[:])
	r.BlocksDecoded, r.BlocksPoisoned = stats.BlocksDecoded, stats.BlocksPoisoned
	r.Done = r.Done[:0]
	for _, d := range s.Done {
		r.Done = append(r.Done, wire.SequenceRange{From: d.From, To: d.To})
	}
	r.Failed = r.Failed[:0]
	for _, f := range s.Failed[:min(len(s.Failed), wire.MaxFailures)] {
		r.Failed = append(r.Failed, wire.Failure{Sequence: f.Sequence, Reason: f.Reason})
	}
	l.fillWrong(r)
	r.Progress = someProgress(r.Progress[:0], s.Progress)
}

// someProgress appends bundles of which something is there, the oldest first.
func someProgress(dst []wire.Progress, all []edgecache.Progress) []wire.Progress {
	for _, p := range all {
		if p.Blocks > 0 && len(dst) < wire.MaxProgress {
			dst = append(dst, wire.Progress{Sequence: p.Sequence, Blocks: p.Blocks})
		}
	}
	return dst
}
