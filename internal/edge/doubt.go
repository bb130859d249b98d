package edge

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/fetch"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// An origin whose directory was restored from an older copy does not know what it has forgotten.
// What it signs then does not fit what the edge has. But neither does what an attacker plays
// again, so the edge shows the origin over HTTP what that has signed, and believes its answer.

// Limits of doubt.
const (
	// doubtTimeout bounds one exchange.
	doubtTimeout = 5 * time.Second
	// doubtPause is between two doubts at least. It doubles while they prove to be unfounded, up to
	// doubtPause<<maxUnfounded.
	doubtPause   = time.Second
	maxUnfounded = 5
	// doubtAgain is how often an origin that was outdated is asked again if nothing is new.
	doubtAgain = 10 * time.Second
	// doubtSpread is over how long the requests of edges are spread, for each of them beyond
	// doubtAtOnce; all over no more than maxDoubtSpread.
	doubtSpread, maxDoubtSpread = 200 * time.Microsecond, 5 * time.Second
	doubtAtOnce                 = 64
)

// doubt is whether the origin's log is still the one that the edge follows. It decides when the
// origin is asked; its owner asks, and tells what came of it.
type doubt struct {
	rng *rand.Rand
	// suspected says that something did not fit since the origin was asked last; broken, that it was
	// a signed entry or head that contradicts those that are here.
	suspected, broken bool
	// outdated says that the origin itself found its log to lack what it has signed.
	outdated bool
	// asking says that a request is under way; due is when the next one is.
	asking bool
	due    mono.Time
	// last is when the origin answered last; unfounded counts answers that all was well.
	last                mono.Time
	answered            bool
	unfounded, failures int
}

// holdsBack says that no entries are taken: what comes now is of another log, or may be. (A head
// played again does not do that.)
func (d *doubt) holdsBack() bool { return d.outdated || d.broken }

// suspect takes note of something that does not fit; edges is the size of the group.
func (d *doubt) suspect(now mono.Time, broken bool, edges int) {
	d.broken = d.broken || broken
	if d.suspected || d.outdated {
		return
	}
	d.suspected = true
	d.due = max(now.Add(d.spread(edges)), d.earliest())
}

// hurry takes note of a head that is new while the origin is outdated: perhaps it is no more.
func (d *doubt) hurry(now mono.Time, edges int) {
	if d.outdated {
		d.due = min(d.due, max(now.Add(d.spread(edges)), d.earliest()))
	}
}

func (d *doubt) spread(edges int) time.Duration {
	span := min(time.Duration(max(edges-doubtAtOnce, 0))*doubtSpread, maxDoubtSpread)
	return time.Duration(d.rng.Float64() * float64(span))
}

// earliest returns before when the origin is not asked again.
func (d *doubt) earliest() mono.Time {
	if !d.answered {
		return 0
	}
	return d.last.Add(doubtPause << min(d.unfounded, maxUnfounded))
}

// next returns when begin is to be called.
func (d *doubt) next() mono.Time {
	if d.asking || !d.suspected && !d.outdated {
		return mono.Never
	}
	return d.due
}

// begin reports whether it is time to ask, which it takes for done.
func (d *doubt) begin(now mono.Time) bool {
	if now < d.next() {
		return false
	}
	d.asking = true
	return true
}

// done takes the outcome. changed is true if d.outdated did.
func (d *doubt) done(now mono.Time, outdated bool, err error) (changed bool) {
	d.asking = false
	if err != nil {
		pause := min(minBackoff<<min(d.failures, 16), maxBackoff)
		d.failures++
		d.due = now.Add(pause/2 + time.Duration(d.rng.Int64N(int64(pause/2)+1)))
		return false
	}
	if d.answered && now.Sub(d.last) > time.Minute {
		d.unfounded = 0
	}
	changed = d.outdated != outdated
	d.suspected, d.broken, d.outdated = false, false, outdated
	d.last, d.answered, d.failures = now, true, 0
	if !outdated && !changed {
		d.unfounded++
	} else {
		d.unfounded = 0
	}
	d.due = now.Add(doubtAgain + time.Duration(d.rng.Int64N(int64(doubtAgain))))
	return changed
}

// prover shows the origin what it has signed. Its goroutine is run.
type prover struct {
	client     *fetch.Client
	generation string
	requests   chan [][]byte // of capacity 1
	outbox                   // proofDone
}

// proofDone is what the origin said.
type proofDone struct {
	api.Proof
	err error
}

// run serves requests until ctx ends.
func (p *prover) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case signed := <-p.requests:
			p.post(ctx, p.prove(ctx, signed))
		}
	}
}

func (p *prover) prove(ctx context.Context, signed [][]byte) proofDone {
	ctx, cancel := context.WithTimeout(ctx, doubtTimeout)
	defer cancel()
	var done proofDone
	for _, raw := range signed {
		if done.Proof, done.err = p.client.Prove(ctx, raw, p.generation); done.err != nil || done.Outdated {
			break
		}
	}
	var refused *api.Error
	if errors.As(done.err, &refused) && refused.Status == http.StatusConflict {
		done.err = errOtherGeneration
	}
	return done
}

// noteFresh notes an entry that was applied, until the mark has passed it.
func (l *loop) noteFresh(sequence uint64) {
	mark, _ := l.cache.Position()
	if sequence <= mark {
		return
	}
	if len(l.fresh) == cap(l.fresh) {
		l.fresh = slices.DeleteFunc(l.fresh, func(s uint64) bool { return s <= mark })
	}
	l.fresh = append(l.fresh, sequence)
}

// withdraw takes back what came of the older copy of the origin before that was found out. (What
// the mark has passed did follow.)
func (l *loop) withdraw() {
	for _, sequence := range l.fresh {
		if err := l.cache.Withdraw(sequence); err != nil {
			l.log.Error("an entry of an outdated origin cannot be taken back", "sequence", sequence, "error", err)
		}
		delete(l.applied, sequence)
	}
	l.fresh, l.dirty = l.fresh[:0], true
}

// highestSigned returns the highest sequence that the origin is known here to have signed.
func (l *loop) highestSigned() uint64 {
	_, highest := l.cache.Position()
	return max(highest, l.feed.head.Sequence)
}

// suspect takes note that what the origin says does not fit what is here. In a one-way session the
// origin cannot be asked, so that it is only told.
func (l *loop) suspect(now mono.Time, broken bool, sentence string, arguments ...any) {
	if l.oneWay() {
		l.tellOnce(sentence, arguments...)
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
		signed = append(signed, append([]byte(nil), l.newestHead...))
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
			l.log.Warn("what the origin sends does not fit what it has signed before; it cannot be asked, and is tried again", "error", done.err)
		}
	case changed && l.doubt.outdated:
		_, highest := l.cache.Position()
		what := fmt.Sprintf("its log is not the one that this edge has up to entry %d", highest)
		if signed := l.highestSigned(); signed > done.Head {
			what = fmt.Sprintf("its log ends at entry %d, and it had signed entry %d", done.Head, signed)
		}
		l.originOutdated = "the origin runs on an older copy of its directory: " + what
		l.log.Error(l.originOutdated + "; this edge serves what it has until the newest copy is put back")
		for sequence := range l.feed.asked {
			l.forgetControl(now, wire.ControlTOI(sequence))
		}
		l.withdraw()
		l.feed.doubt() // the newest head may be one of the older copy's own
	case changed:
		l.log.Info("the origin has its newest log again", "head", done.Head)
		fallthrough
	default:
		l.head = nil // what was heard in doubt is heard again
	}
	l.planned, l.readinessDue = false, true
}
