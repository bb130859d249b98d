package edge

import (
	"errors"
	"time"

	"fanfare/edgecache"
	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
	"fanfare/receiver"
)

const (
	// maxWanted is how many bundles are compared at a time; more follow as these get whole.
	maxWanted = 4096
	// reconcileEvery is the least time between two comparisons.
	reconcileEvery = 50 * time.Millisecond
	// maxComing is how many announced bundles are on their way at a time, each with an open file;
	// those just announced, which are being sent, may be some more.
	maxComing  = 384
	maxNewOnes = 128
	// unannouncedKeep is how long a bundle that is whole may wait for its entry.
	unannouncedKeep = time.Minute
)

// bundle is a bundle on its way: begun in the cache, held by the engine.
type bundle struct {
	sequence uint64
	oti      fec.OTI
	// announced says that its entry is here.
	announced bool
	// whole is when the engine said that all of it is here, which matters only while it is
	// not announced.
	whole mono.Time
	wrong wrong
}

// announce begins, or goes on with, a bundle that an entry published. It returns whether
// the bundle is still to come, now or when there is room for it.
func (l *loop) announce(now mono.Time, sequence uint64, oti fec.OTI) bool {
	if l.committing[sequence] {
		return true
	}
	toi := wire.DataTOI(sequence)
	if len(l.bundles) >= maxComing+maxNewOnes && l.bundles[toi] == nil {
		return true // reconcile finds it when others are whole
	}
	if l.cache.Begin(sequence, oti) != nil { // the cache's log and State say why
		l.engine.Forget(now, toi)
		delete(l.bundles, toi)
		return false
	}
	l.bundles[toi] = &bundle{sequence: sequence, oti: oti, announced: true}
	if err := l.expect(now, toi); err != nil {
		delete(l.bundles, toi) // no room: reconcile finds it again
		l.dirty = true
	}
	return true
}

// expect tells the engine what is there of a bundle, and that the rest should come.
func (l *loop) expect(now mono.Time, toi uint32) error {
	b := l.bundles[toi]
	info := receiver.ObjectInfo{TOI: toi, OTI: b.oti}
	for _, r := range l.cache.Whole(b.sequence) {
		info.Whole = append(info.Whole, receiver.BlockRange{SBN: r.First, Count: r.Count})
	}
	return l.engine.Expect(now, info)
}

// keepSymbol stores a symbol of a bundle.
func (l *loop) keepSymbol(now mono.Time, p *wire.Packet) {
	b := l.bundles[p.TOI]
	if b == nil {
		if b = l.beginUnannounced(now, p.TOI); b == nil {
			return
		}
	}
	err := l.cache.Symbol(b.sequence, p.SBN, int(p.ESI), p.Payload)
	switch {
	case err == nil:
	case errors.Is(err, edgecache.ErrUnknown): // the cache gave it up
		l.forgetBundle(now, p.TOI)
	case errors.Is(err, edgecache.ErrMemory):
		l.engine.Emptied(now, p.TOI, p.SBN)
	}
}

// beginUnannounced begins a bundle whose packets came before its entry.
func (l *loop) beginUnannounced(now mono.Time, toi uint32) *bundle {
	info, ok := l.engine.Object(toi)
	sequence := l.sequence(toi)
	if !ok || l.cache.Begin(sequence, info.OTI) != nil {
		l.engine.Forget(now, toi) // complete, not wanted, or no room: its entry or NACKs bring it back
		return nil
	}
	b := &bundle{sequence: sequence, oti: info.OTI}
	l.bundles[toi] = b
	l.adopt(now, b)
	return b
}

// finishBlock has the cache decode, verify and write a block.
func (l *loop) finishBlock(now mono.Time, event receiver.Event) {
	b := l.bundles[event.TOI]
	if b == nil {
		l.engine.Forget(now, event.TOI)
		return
	}
	err := l.cache.FinishBlock(b.sequence, event.SBN)
	if errors.Is(err, edgecache.ErrUnknown) || errors.Is(err, edgecache.ErrFailed) {
		l.forgetBundle(now, event.TOI)
		return
	}
	l.takePoisoned(now) // before the last block makes the engine think that all is well
	if errors.Is(err, edgecache.ErrDigest) {
		err = receiver.ErrPoisoned
		l.fetchPoisoned(now)
	}
	l.engine.HandleResult(now, event, err)
}

// takePoisoned takes blocks that turned out wrong when the manifest came.
func (l *loop) takePoisoned(now mono.Time) {
	for _, block := range l.cache.Poisoned() {
		toi := wire.DataTOI(block.Sequence)
		if _, held := l.engine.Object(toi); !held && (l.bundles[toi] == nil || l.expect(now, toi) != nil) {
			l.dirty = true // reconcile has it expected
			continue
		}
		l.engine.HandleResult(now, receiver.Event{Kind: receiver.BlockReady, TOI: toi, SBN: block.SBN}, receiver.ErrPoisoned)
		l.fetchPoisoned(now)
	}
}

// settle takes what the cache found out: blocks that turned out wrong, and bundles that are whole.
func (l *loop) settle(now mono.Time) {
	l.takePoisoned(now)
	for _, sequence := range l.cache.Ready() {
		l.commits = append(l.commits, sequence)
		l.committing[sequence] = true
	}
}

// takeLost takes note that requests found lost bundles: reconcile has them come again, as it has those
// that were found lost at the start.
func (l *loop) takeLost(now mono.Time) {
	if l.cache.Lost() {
		l.dirty = true
		l.tell(now)
	}
}

// handCommits gives the committer the bundles that wait for it, if it has time.
func (l *loop) handCommits() {
	if l.commitRuns || len(l.commits) == 0 {
		return
	}
	n := min(len(l.commits), edgecache.MaxCommit)
	l.committer.requests <- l.commits[:n:n] // has room: there is one request at a time
	l.commits, l.commitRuns = l.commits[n:], true
}

// committed takes the outcome of a commit.
func (l *loop) committed(now mono.Time, done commitDone) {
	l.commitRuns = false
	for i, sequence := range done.sequences {
		if err := done.errs[i]; err != nil && !errors.Is(err, edgecache.ErrUnknown) && !errors.Is(err, edgecache.ErrFailed) {
			l.log.Error("a bundle cannot be indexed; restart the edge when its disk is well", "sequence", sequence, "error", err)
		}
		delete(l.committing, sequence)
	}
	l.dirty, l.readinessDue = true, true
	l.tell(now)
}

// objectWhole takes note of an object that the engine has forgotten as whole.
func (l *loop) objectWhole(now mono.Time, toi uint32) {
	if b := l.bundles[toi]; b != nil && !b.announced {
		b.whole = now // reconcile drops it if no entry comes
		return
	}
	l.dropObject(toi)
	// As a rule a commit follows, and is told of. Of a bundle that was purged its last block may
	// have brought the manifest, which alone was missing to close its entry: nothing follows.
	l.hardening.changed(now, false)
}

func (l *loop) dropObject(toi uint32) {
	delete(l.bundles, toi)
	l.assembler.forget(toi)
}

// abandon gives up an object of which the engine says that it will not come.
func (l *loop) abandon(toi uint32) {
	if b := l.bundles[toi]; b != nil {
		l.cache.Abort(b.sequence, "its packets came without an entry")
	}
	l.dropObject(toi)
}

// forgetBundle drops a bundle that the cache has no use for. That is news: the bundle may be one
// that was purged, of which the manifest alone was missing to close its entry.
func (l *loop) forgetBundle(now mono.Time, toi uint32) {
	delete(l.bundles, toi)
	l.engine.Forget(now, toi)
	l.dirty = true
	l.tell(now)
}

// reconcile compares the bundles on their way with those that the cache wants: after a start,
// after a failure whose time is over, when the engine had no room, or when blocks failed late,
// some are not expected that should be; after a purge some are that should not.
func (l *loop) reconcile(now mono.Time) {
	l.dirty, l.readinessDue = false, true
	l.reconcileAt = now.Add(reconcileEvery)
	wanted := l.cache.Wanted(maxWanted)
	is := make(map[uint32]bool, len(wanted))
	for _, w := range wanted {
		is[wire.DataTOI(w.Sequence)] = true
	}
	for toi, b := range l.bundles {
		switch {
		case b.announced && !is[toi] && len(wanted) < maxWanted:
			l.cache.Abort(b.sequence, "not needed any more")
			l.engine.Forget(now, toi)
			delete(l.bundles, toi)
			l.tell(now)
		case !b.announced && b.whole != 0 && now.Sub(b.whole) > l.unannouncedKeep():
			l.abandon(toi)
		}
	}
	for _, w := range wanted {
		if len(l.bundles) >= maxComing {
			return
		}
		toi := wire.DataTOI(w.Sequence)
		if b := l.bundles[toi]; b != nil && b.announced {
			continue
		}
		if !l.announce(now, w.Sequence, w.OTI) {
			l.tell(now) // why there is no place for it
			continue
		}
		if l.bundles[toi] == nil && !l.committing[w.Sequence] {
			return // the engine is full
		}
	}
}
