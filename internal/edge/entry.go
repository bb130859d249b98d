package edge

import (
	"errors"
	"fmt"

	"fanfare/control"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
	"fanfare/receiver"
)

// otherGeneration is told when the origin refuses catch-up since it is of another generation.
const otherGeneration = "the origin is of another generation than the session file: it refused catch-up; copy its new session.ff here"

// sequence returns the entry that a TOI stands for.
func (l *loop) sequence(toi uint32) uint64 {
	_, highest := l.cache.Position()
	return wire.Sequence(toi, max(highest, l.feed.head.Sequence))
}

// known reports whether an entry has been applied, as far as this run knows.
func (l *loop) known(sequence uint64) bool {
	mark, _ := l.cache.Position()
	return sequence <= mark || l.applied[sequence]
}

// remember makes an entry known, and forgets those that the mark has passed when there are many.
func (l *loop) remember(sequence uint64) {
	l.applied[sequence] = true
	if len(l.applied) < l.pruneAt {
		return
	}
	mark, _ := l.cache.Position()
	for s := range l.applied {
		if s <= mark {
			delete(l.applied, s)
		}
	}
	l.pruneAt = 2*len(l.applied) + 1024
}

// keepControl stores a symbol of a control object.
func (l *loop) keepControl(now mono.Time, p *wire.Packet) {
	if l.assembler.objects[p.TOI] == nil && l.known(l.sequence(p.TOI)) {
		l.engine.Forget(now, p.TOI) // a copy, or a repair for another edge
		return
	}
	if err := l.assembler.add(p); err != nil {
		l.counts[dropEntry]++
		l.forgetControl(now, p.TOI)
		l.planned = false // it is got in another way
	}
}

// forgetControl drops a control object: its entry is there, or has to come in another way.
func (l *loop) forgetControl(now mono.Time, toi uint32) {
	l.assembler.forget(toi)
	l.engine.Forget(now, toi)
}

// finishControl reads a control object that is there in full.
func (l *loop) finishControl(now mono.Time, event receiver.Event) {
	raw, err := l.assembler.finish(event.TOI)
	var e entry
	if err == nil {
		e, err = l.openEntry(raw, event.TOI)
	}
	if err != nil {
		l.counts[dropEntry]++
		l.tellOnce("a control object on the group is not an entry of the origin's, and is ignored", "error", err)
		if l.sequence(event.TOI) > l.feed.head.Sequence { // nobody said that it exists
			l.engine.Forget(now, event.TOI)
			return
		}
	}
	l.engine.HandleResult(now, event, err)
	if err == nil {
		l.stats.EntriesReceived++
		l.apply(now, e)
	}
}

// openEntry verifies an entry that came under a TOI.
func (l *loop) openEntry(raw []byte, toi uint32) (entry, error) {
	e, err := l.verifier.entry(raw)
	switch {
	case err != nil:
		return entry{}, err
	case e.Channel != l.channel:
		return entry{}, control.ErrChannel
	case e.Generation != l.generation:
		return entry{}, control.ErrGeneration
	case wire.ControlTOI(e.Sequence) != toi:
		return entry{}, fmt.Errorf("edge: entry %d came as another object", e.Sequence)
	}
	return entry{raw: raw, Entry: e}, nil
}

// apply takes a verified entry, however it came.
func (l *loop) apply(now mono.Time, e entry) {
	if err := l.cache.Apply(e.raw, e.Entry); err != nil {
		if errors.Is(err, control.ErrChain) {
			if !l.oneWay() { // else suspect says as much
				l.tellOnce("an entry of the origin does not fit the log that this edge follows, and is ignored", "sequence", e.Sequence, "error", err)
			}
			l.suspect(now, true, anotherLog, "sequence", e.Sequence, "error", err)
		} else {
			l.tellOnce("an entry cannot be stored", "sequence", e.Sequence, "error", err)
		}
		return
	}
	l.remember(e.Sequence)
	mark, _ := l.cache.Position()
	l.doubt.applied(e.Sequence, mark)
	l.settle(now) // all of its bundle may have come before it
	l.planned = false
	l.dirty, l.readinessDue = true, true
	l.hardening.changed(now, false)
	if e.Kind == control.KindPublish && l.announce(now, e.Sequence, e.Publish.OTI) {
		return
	}
	l.tell(now) // in force, with no bundle to wait for
}

// applyFetched takes entries that came over HTTP.
func (l *loop) applyFetched(now mono.Time, entries []entry) {
	for _, e := range entries {
		if l.doubt.holdsBack() {
			return
		}
		if l.known(e.Sequence) {
			continue
		}
		l.stats.EntriesFetched++
		l.apply(now, e)
		l.forgetControl(now, wire.ControlTOI(e.Sequence))
	}
}

// plan asks the feed what to do about entries that are missing, and does it.
func (l *loop) plan(now mono.Time) {
	l.planned = true
	missing := l.cache.Missing(l.feed.head.Sequence, maxAsked+1)
	for _, sequence := range missing {
		if l.applied[sequence] { // the cache dropped it, as it did not follow the one before
			delete(l.applied, sequence)
			l.suspect(now, true, anotherLog, "sequence", sequence)
		}
	}
	if l.oneWay() || l.doubt.holdsBack() {
		l.feed.next = mono.Never
		return // they come again, or are not those that are missing here
	}
	mark, _ := l.cache.Position()
	ask, from := l.feed.plan(now, missing, mark+1, l.engine.Stats().RTT)
	for _, sequence := range ask {
		// With no room it is got over HTTP.
		if err := l.engine.Expect(now, receiver.ObjectInfo{TOI: wire.ControlTOI(sequence)}); err != nil {
			break
		}
	}
	if from != 0 {
		l.fetch(from)
	}
}

// prefetch asks the origin at the start for what came since the last run, before its
// first heartbeat is heard.
func (l *loop) prefetch() {
	if l.oneWay() {
		return
	}
	mark, _ := l.cache.Position()
	l.feed.fetching = true
	l.fetch(mark + 1)
}

// fetch asks the fetcher for the entries from a sequence on.
func (l *loop) fetch(from uint64) {
	l.stats.Fetches++
	l.log.Debug("catch-up over HTTP begins", "from", from)
	l.fetcher.requests <- from // has room: there is one request at a time
}

// fetched takes the end of a catch-up over HTTP.
func (l *loop) fetched(now mono.Time, done fetchDone) {
	if missing := l.cache.Missing(done.next-1, 1); done.err == nil && len(missing) > 0 && missing[0] >= done.from {
		done.err = fmt.Errorf("edge: entry %d could not be stored", missing[0])
	}
	l.feed.fetched(now, done.err != nil)
	l.planned = false
	switch {
	case errors.Is(done.err, errOtherGeneration):
		l.stats.FetchesFailed++
		l.tellOnce(otherGeneration, "session", l.generation)
	case done.err != nil:
		l.stats.FetchesFailed++
		if l.feed.failures == 1 {
			l.log.Warn("catch-up over HTTP failed, and is tried again", "error", done.err)
		}
	case done.next > done.from:
		l.log.Info("caught up over HTTP", "from", done.from, "to", done.next-1)
	}
}
