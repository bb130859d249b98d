package edge

import (
	"errors"
	"fmt"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// withdraw takes back what came of the older copy of the origin before that was found out. (What
// the mark has passed did follow.)
func (l *loop) withdraw() {
	for _, sequence := range l.doubt.fresh {
		if err := l.cache.Withdraw(sequence); err != nil {
			l.log.Error("an entry of an outdated origin cannot be taken back", "sequence", sequence, "error", err)
		}
		delete(l.applied, sequence)
	}
	l.doubt.fresh, l.dirty = l.doubt.fresh[:0], true
}

// highestSigned returns the highest sequence that the origin is known here to have signed.
func (l *loop) highestSigned() uint64 {
	_, highest := l.cache.Position()
	return max(highest, l.feed.head.Sequence)
}

// anotherLog is what is told of signed entries and heads that contradict those that are here.
const anotherLog = "the origin's log is not the one that this edge has followed: its directory was restored from an older copy, or somebody sends old packets again"

// suspect takes note that what the origin says does not fit what is here. In a one-way session the
// origin cannot be asked, so that it is only told: once, since an older copy does not fit in more
// than one way.
func (l *loop) suspect(now mono.Time, broken bool, sentence string, arguments ...any) {
	if l.oneWay() {
		if !l.doubt.told {
			l.doubt.told = true
			l.log.Error(sentence, arguments...)
		}
		return
	}
	l.doubt.suspect(now, broken, int(l.engine.Stats().Edges))
}

// askOrigin shows the origin what it has signed if there is doubt.
func (l *loop) askOrigin(now mono.Time) {
	if l.oneWay() || !l.doubt.begin(now) {
		return
	}
	signed, err := l.cache.Signed()
	if err != nil {
		l.doubtDone(now, proofDone{err: err})
		return
	}
	if l.feed.heard {
		signed = append(signed, append([]byte(nil), l.doubt.newest...))
	}
	l.prover.requests <- signed // has room: there is one request at a time
}

// doubtDone takes what the origin said.
func (l *loop) doubtDone(now mono.Time, done proofDone) {
	switch changed := l.doubt.done(now, done.Outdated, done.err); {
	case errors.Is(done.err, errOtherGeneration):
		l.tellOnce(otherGeneration, "session", l.generation)
	case done.err != nil:
		if l.doubt.failures == 1 {
			l.log.Warn("what the origin sends does not fit what it signed before; it does not answer why, and is asked again", "error", done.err)
		}
	case changed && l.doubt.outdated:
		_, highest := l.cache.Position()
		what := fmt.Sprintf("its log is not the one that this edge has up to entry %d", highest)
		if signed := l.highestSigned(); signed > done.Head {
			what = fmt.Sprintf("its log ends at entry %d, and it had signed entry %d", done.Head, signed)
		}
		l.doubt.sentence = "the origin runs on an older copy of its directory: " + what
		l.log.Error(l.doubt.sentence + "; this edge serves what it has until the newest copy is put back")
		for sequence := range l.feed.asked {
			l.forgetControl(now, wire.ControlTOI(sequence))
		}
		l.withdraw()
		l.feed.doubt() // the newest head may be one of the older copy's own
	case changed:
		l.log.Info("the origin has its newest log again", "head", done.Head)
		fallthrough
	default:
		l.doubt.believed = signedHead{} // what was heard in doubt is heard again
	}
	l.planned, l.readinessDue = false, true
}
