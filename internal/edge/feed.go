package edge

import (
	"math/rand/v2"
	"time"

	"fanfare/control"
	"fanfare/internal/mono"
)

// Limits of the feed.
const (
	// maxAsked is how many missing entries are asked for by NACK; with more, one HTTP request is
	// cheaper for everybody.
	maxAsked = 64
	// askPatience is the least time that NACKs are given before HTTP is tried.
	askPatience = time.Second
	// askRoundTrips is how many of the edge's own round trips they are given at least.
	askRoundTrips = 8
	// Back-off of failed HTTP requests: doubling, and drawn from the upper half.
	minBackoff = 250 * time.Millisecond
	maxBackoff = 30 * time.Second
	// silentPause is between two HTTP requests while nothing is heard on the group.
	silentPause = 5 * time.Second
	// returnSpread is over how long the first requests to an origin that came back are spread.
	returnSpread = time.Second
)

// feed decides how the entries that the edge lacks are got: by NACK while they are few and
// recent, as one-symbol control objects that every edge hears, else by HTTP from the
// origin. It does nothing itself: plan says what to do, and its owner tells what came of it.
type feed struct {
	rng *rand.Rand
	// head is the newest verified head heard since the start; heard says that there is one.
	head  control.Head
	heard bool
	// first is the first one: what there was when the edge came.
	first control.Head

	// asked has the entries that NACKs were left to, and since when.
	asked map[uint64]mono.Time
	// fetching says that an HTTP request is under way; it starts at most one at a time, and
	// none before retryAt.
	fetching bool
	retryAt  mono.Time
	failures int
	// silent says that nothing is heard on the group: what is missing is not known, and asked for
	// over HTTP now and then, so that purges get through.
	silent bool
	// next is when plan is to be called again if nothing else happens.
	next mono.Time
	// followed says that the edge has once had every entry up to a head: from then on a
	// missing one is recent, and NACKs come first.
	followed bool
}

func newFeed(rng *rand.Rand) *feed {
	return &feed{rng: rng, asked: make(map[uint64]mono.Time), next: mono.Never}
}

// hear takes a verified head, and reports whether it says anything new.
func (f *feed) hear(h control.Head) (isNew bool) {
	if f.heard && h.Sequence <= f.head.Sequence {
		return false
	}
	if !f.heard {
		f.first = h
	}
	f.head, f.heard = h, true
	return true
}

// doubt forgets the head, and what is asked for: they may be of a log that is not the edge's.
func (f *feed) doubt() {
	f.head, f.heard = control.Head{}, false
	clear(f.asked)
}

// plan returns what to do about the entries that are missing: those to expect by multicast,
// and from which one on to ask the origin over HTTP (0: not now). missing are all of them,
// ascending, or the first maxAsked+1; after is the sequence after the mark. rtt is the edge's own
// round trip, 0 if unknown. It is to be called again when something changed, and at f.next.
func (f *feed) plan(now mono.Time, missing []uint64, after uint64, rtt time.Duration) (ask []uint64, fetchFrom uint64) {
	f.next = mono.Never
	if f.silent {
		return nil, f.fetch(now, now, after)
	}
	if len(missing) == 0 {
		clear(f.asked)
		f.followed = f.followed || f.heard
		return nil, 0
	}
	if len(missing) > maxAsked || !f.followed && f.failures == 0 {
		return nil, f.fetch(now, now, missing[0])
	}
	ask = f.ask(now, missing)
	due := now
	if f.followed {
		due = f.oldest().Add(max(askPatience, askRoundTrips*rtt))
	}
	return ask, f.fetch(now, due, missing[0])
}

// fetch begins an HTTP request if it is time for one, which it is at due at the earliest.
func (f *feed) fetch(now, due mono.Time, from uint64) uint64 {
	due = max(due, f.retryAt)
	switch {
	case f.fetching:
		return 0
	case now < due:
		f.next = due
		return 0
	}
	f.fetching = true
	return from
}

// ask makes asked exactly the missing entries, and returns those that are new in it.
func (f *feed) ask(now mono.Time, missing []uint64) (isNew []uint64) {
	asked := make(map[uint64]mono.Time, len(missing))
	for _, sequence := range missing {
		since, ok := f.asked[sequence]
		if !ok {
			since = now
			isNew = append(isNew, sequence)
		}
		asked[sequence] = since
	}
	f.asked = asked
	return isNew
}

// oldest returns when the first of the asked entries was.
func (f *feed) oldest() mono.Time {
	first := mono.Never
	for _, since := range f.asked {
		first = min(first, since)
	}
	return first
}

// fetched takes the end of an HTTP request. After a failure the pause doubles.
func (f *feed) fetched(now mono.Time, failed bool) {
	f.fetching = false
	pause := minBackoff
	switch {
	case failed:
		pause = min(minBackoff<<min(f.failures, 16), maxBackoff)
		f.failures++
	case f.silent:
		pause, f.failures = silentPause, 0
	default:
		f.failures = 0
	}
	f.retryAt = now.Add(pause/2 + time.Duration(f.rng.Int64N(int64(pause/2)+1)))
}

// silence takes note that nothing is heard on the group any more, or that it is heard again: then the
// origin is back, and the pauses that its absence made so long are over. Edges that all wait
// for it do not ask at once.
func (f *feed) silence(now mono.Time, silent bool) {
	f.silent = silent
	if !silent {
		f.failures = 0
		f.retryAt = min(f.retryAt, now.Add(time.Duration(f.rng.Int64N(int64(returnSpread)))))
	}
}
