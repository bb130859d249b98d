package edge

import "fanfare/edgecache"

// warmUp is how far the edge is from being ready: first every entry up to a verified head,
// then the bundles that were wanted at that moment.
type warmUp struct {
	// inStep says that every entry up to a head heard since the start is in force.
	inStep bool
	// target is the mark or sequence up to which bundles are waited for; ready ends it all.
	target uint64
	ready  bool
}

// maxMissing is how many bundles /readyz names.
const maxMissing = 16

// updateReadiness moves readiness on when something may have changed.
func (l *loop) updateReadiness() {
	c := &l.warmUp
	mark, _ := l.cache.Position()
	state := readyState{Ready: c.ready, Mark: mark, Head: l.feed.head.Sequence}
	if l.doubt.outdated {
		state.Origin = l.doubt.sentence
		if !c.ready {
			state.Reason = "the origin lacks what this edge would have to catch up with"
		}
		l.edge.ready.set(state)
		return
	}
	if c.ready || !l.readinessDue {
		if c.ready {
			l.edge.ready.set(state)
		}
		return
	}
	l.readinessDue = false
	switch {
	case !l.feed.heard && l.doubt.believed.raw != nil:
		state.Reason = "the origin's head is below what this edge has: perhaps its directory was restored from an older copy"
	case !l.feed.heard:
		state.Reason = "no verified heartbeat of the origin has been heard on the group yet"
	case !c.inStep && len(l.cache.Missing(l.feed.first.Sequence, 1)) > 0:
		state.Reason = "entries of the origin's log are missing"
	default:
		if !c.inStep {
			c.inStep, c.target = true, l.feed.first.Sequence
			l.cache.SetReady(true)
			l.log.Info("caught up with the origin's log", "head", c.target)
		}
		waited := upTo(l.cache.Wanted(maxWanted), c.target)
		for sequence := range l.committing {
			if sequence <= c.target {
				waited = append(waited, sequence)
			}
		}
		if len(waited) == 0 {
			c.ready, state.Ready = true, true
			l.log.Info("ready", "mark", mark)
			break
		}
		state.Reason = "bundles published before the start are on their way"
		state.Outstanding = len(waited)
		state.Missing = waited[:min(len(waited), maxMissing)]
	}
	l.edge.ready.set(state)
}

// upTo returns the sequences of the bundles up to one.
func upTo(wanted []edgecache.Wanted, last uint64) (sequences []uint64) {
	for _, w := range wanted {
		if w.Sequence <= last {
			sequences = append(sequences, w.Sequence)
		}
	}
	return sequences
}
