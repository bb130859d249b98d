package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"fanfare/edgecache"
	"fanfare/internal/api"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// Limits of catch-up by unicast.
const (
	// fetchSpread is over how long first requests are spread, for each edge of the group: a crowd
	// does not come at once. maxFetchSpread is the most.
	fetchSpread    = 20 * time.Millisecond
	maxFetchSpread = 30 * time.Second
	// fetchPoll is how often an edge that fetches all it lacks looks for something, laterPoll how
	// often one looks whose poisoned blocks must wait.
	fetchPoll = 50 * time.Millisecond
	laterPoll = time.Second
	// tellDemotion is the least time between two words about demotion in the log.
	tellDemotion = 3 * time.Second
	// runTime is how long a request should take if the origin has nobody else to serve at a quarter
	// of the session's rate; its length is between minRun and maxRun bytes, but for one block.
	runTime        = time.Second
	minRun, maxRun = 256 << 10, 4 << 20
	// wrongPause is how long a bundle is left alone of which the origin has a wrong block; it
	// doubles up to maxWrongPause. gonePause is for one that the origin does not have any more.
	wrongPause, maxWrongPause = time.Minute, 30 * time.Minute
	gonePause                 = 30 * time.Second
)

// unicast decides when blocks are fetched from the origin over HTTP: those that were poisoned, and all
// that are missing, of what was sent while the edge is demoted, and of everything while nothing is
// heard on the group. It asks for one run at a time.
type unicast struct {
	rng *rand.Rand
	// runBytes is how long a run may be, but for one block.
	runBytes int64
	// demoted and silent are the reasons to fetch all that is missing.
	demoted, silent bool
	// poisoned says that there may be poisoned blocks to fetch.
	poisoned bool
	// at is when the next request may begin; busy says that one is under way.
	at       mono.Time
	busy     bool
	failures int
	// told is when the log was told of demotion last.
	told mono.Time
}

// newUnicast returns one for a session of that rate, in bits per second.
func newUnicast(rng *rand.Rand, rate uint64) unicast {
	bytes := float64(rate) / 4 / 8 * runTime.Seconds()
	return unicast{rng: rng, runBytes: int64(min(max(bytes, minRun), maxRun))}
}

// all says that all that is missing is to be fetched.
func (u *unicast) all() bool { return u.demoted || u.silent }

// turn takes note that the edge, one of so many, is demoted or not, and that the group is silent or
// not.
func (u *unicast) turn(now mono.Time, demoted, silent bool, edges int) {
	before := u.all()
	u.demoted, u.silent = demoted, silent
	if u.all() && !before && !u.poisoned {
		u.spread(now, edges)
	}
	u.poisoned = u.poisoned || before // whatever is: nobody took note of it
}

// poison takes note that a block was poisoned, perhaps at all of so many edges.
func (u *unicast) poison(now mono.Time, edges int) {
	if !u.all() && !u.poisoned {
		u.spread(now, edges)
	}
	u.poisoned = true
}

// spread puts the next request off by a random time.
func (u *unicast) spread(now mono.Time, edges int) {
	most := min(time.Duration(max(edges, 1))*fetchSpread, maxFetchSpread)
	u.at = max(u.at, now.Add(time.Duration(u.rng.Int64N(int64(most)))))
}

// next returns when to look for something to fetch.
func (u *unicast) next() mono.Time {
	if u.busy || !u.all() && !u.poisoned {
		return mono.Never
	}
	return u.at
}

// none takes note that there is nothing to fetch now; later says that some blocks must wait.
func (u *unicast) none(now mono.Time, later bool) {
	u.poisoned = later
	u.at = now.Add(fetchPoll)
	if !u.all() {
		u.at = now.Add(laterPoll)
	}
}

// done takes the end of a request. After a failure the pause doubles, and is drawn at random; the
// origin may say how long it is at least.
func (u *unicast) done(now mono.Time, err error) {
	u.busy = false
	if err == nil {
		u.failures = 0
		return
	}
	pause := min(minBackoff<<min(u.failures, 16), maxBackoff)
	var refused *api.Error
	if errors.As(err, &refused) {
		pause = max(pause, min(2*refused.RetryAfter, 2*time.Minute))
	}
	u.failures++
	u.at = now.Add(pause/2 + time.Duration(u.rng.Int64N(int64(pause))))
}

// wrong is what is known of a bundle of which the origin has a wrong block, or nothing.
type wrong struct {
	// times is how often block sbn was wrong; 0: it was not.
	times int
	sbn   uint32
	// until is when the bundle may be fetched again.
	until mono.Time
}

// demoted takes note that the origin says that this edge cannot keep up, or can. Whoever can send to
// the group can say so, too: the log is not told at every turn.
func (l *loop) demoted(now mono.Time, demoted bool) {
	level := slog.LevelDebug
	if l.unicast.told == 0 || now.Sub(l.unicast.told) >= tellDemotion {
		l.unicast.told, level = now, slog.LevelWarn
	}
	if demoted {
		l.log.Log(context.Background(), level, "demoted: this edge cannot keep up, and fetches from the origin what it misses")
	} else {
		l.log.Log(context.Background(), level, "this edge keeps up again, and is not demoted any more")
	}
	l.fetchMissing(now, demoted, l.unicast.silent)
}

// fetchMissing has all that is missing fetched or not, where there is a path to the origin.
func (l *loop) fetchMissing(now mono.Time, demoted, silent bool) {
	if !l.oneWay() {
		l.unicast.turn(now, demoted, silent, l.engine.Stats().Edges)
	}
}

// fetchPoisoned has a block that was poisoned fetched, where there is a path to the origin.
func (l *loop) fetchPoisoned(now mono.Time) {
	if !l.oneWay() {
		l.unicast.poison(now, l.engine.Stats().Edges)
	}
}

// fetchBlocks begins a request for blocks if it is time and there is something to fetch.
func (l *loop) fetchBlocks(now mono.Time) {
	if now < l.unicast.next() {
		return
	}
	run, later := l.nextRun(now)
	if run.count == 0 {
		l.unicast.none(now, later)
		return
	}
	l.unicast.busy = true
	l.stats.BlockFetches++
	l.blocks.requests <- run // has room: there is one request at a time
}

// nextRun returns the blocks to fetch next, of the oldest bundle that lacks some. If there are
// none its count is 0, and later says that some must wait.
func (l *loop) nextRun(now mono.Time) (run blockRun, later bool) {
	for _, b := range l.announced() {
		toi := wire.DataTOI(b.sequence)
		l.runs = l.engine.Poisoned(toi, l.runs[:0])
		if l.unicast.all() {
			l.runs = l.engine.Missing(toi, l.runs[:0]) // has them, too
		}
		if len(l.runs) == 0 {
			continue
		}
		if now < b.wrong.until {
			later = true
			continue
		}
		part, err := b.oti.Partition()
		if err != nil {
			continue // the engine has refused it
		}
		run = blockRun{sequence: b.sequence, toi: toi, part: part, first: l.runs[0].SBN, count: l.runs[0].Count}
		most := max(l.unicast.runBytes/part.Length(run.first), 1)
		run.count = uint32(min(int64(run.count), most))
		return run, later
	}
	return blockRun{}, later
}

// announced returns the bundles on their way that have an entry, the oldest first. It is valid
// until the next call.
func (l *loop) announced() []*bundle {
	l.sorted = l.sorted[:0]
	for _, b := range l.bundles {
		if b.announced {
			l.sorted = append(l.sorted, b)
		}
	}
	slices.SortFunc(l.sorted, func(a, b *bundle) int { return cmp.Compare(a.sequence, b.sequence) })
	return l.sorted
}

// blockFetched verifies and stores a block that the origin sent over HTTP.
func (l *loop) blockFetched(now mono.Time, r fetchedBlock) {
	defer l.blocks.giveBack(r)
	b := l.bundles[r.toi]
	if b == nil || b.sequence != r.sequence {
		return // purged since
	}
	err := l.cache.StoreBlock(r.sequence, r.sbn, r.bytes)
	l.takePoisoned(now)
	switch {
	case err == nil:
		l.stats.BytesFetched += uint64(len(r.bytes))
		if !l.engine.Supply(now, r.toi, r.sbn) {
			l.stats.BlocksFetchedTwice++
		}
		if b.wrong.sbn == r.sbn {
			b.wrong = wrong{}
		}
	case errors.Is(err, edgecache.ErrDigest):
		l.foundWrong(now, b, r.sbn)
	default:
		l.forgetBundle(now, r.toi)
	}
}

// foundWrong takes note that what the origin has of a block is not what it signed. Only who runs
// the origin can mend that.
func (l *loop) foundWrong(now mono.Time, b *bundle, sbn uint32) {
	l.stats.BlocksFetchedWrong++
	if b.wrong.times == 0 {
		l.log.Error("a block fetched from the origin does not match its digest: the bundle is damaged there",
			"sequence", b.sequence, "block", sbn)
	}
	pause := min(wrongPause<<min(b.wrong.times, 8), maxWrongPause)
	pause += time.Duration(l.unicast.rng.Int64N(int64(pause)))
	b.wrong = wrong{times: b.wrong.times + 1, sbn: sbn, until: now.Add(pause)}
	l.tell(now)
}

// runFetched takes the end of a request for blocks.
func (l *loop) runFetched(now mono.Time, done runDone) {
	var refused *api.Error
	errors.As(done.err, &refused)
	switch {
	case done.err == nil:
	case refused != nil && refused.Status == http.StatusNotFound:
		// It was retired, which the log will say.
		if b := l.bundles[done.run.toi]; b != nil {
			b.wrong.until = max(b.wrong.until, now.Add(gonePause))
		}
		done.err = nil
	case refused != nil && refused.Status == http.StatusConflict:
		l.tellOnce(otherGeneration, "session", l.generation)
		fallthrough
	default:
		l.stats.BlockFetchesFailed++
		if l.unicast.failures == 0 && (refused == nil || refused.Status != http.StatusServiceUnavailable) {
			l.log.Warn("blocks could not be fetched from the origin over HTTP, which is tried again", "sequence", done.run.sequence, "error", done.err)
		}
	}
	l.unicast.done(now, done.err)
}

// fillWrong adds to a report the bundles of which the origin has wrong blocks.
func (l *loop) fillWrong(r *wire.Report) {
	for _, b := range l.announced() {
		if b.wrong.times > 0 && len(r.Failed) < wire.MaxFailures {
			r.Failed = append(r.Failed, wire.Failure{
				Sequence: b.sequence, Reason: fmt.Sprintf("block %d is damaged in the origin's spool", b.wrong.sbn),
			})
		}
	}
}
