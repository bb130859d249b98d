package origin

import "fanfare/internal/mono"

// intake bounds how much is done in answer to feedback, so that a flood cannot keep the loop from
// sending: how many messages are looked at, and how many objects are called back that were sent
// long ago. Edges that do as they are told are never near it. It is a token bucket; level is what
// was in it at a time.
type intake struct {
	perSecond, burst float64
	level            float64
	at               mono.Time
}

const (
	// defaultFeedbackRate is in messages a second.
	defaultFeedbackRate = 1000
	minFeedbackRate     = 10
	maxFeedbackRate     = 1_000_000
	// intakeFactor times feedback_rate is looked at for long, and intakeBurst messages at once: every
	// edge of a large group may have something to say at the same moment, such as at its start.
	intakeFactor = 4
	intakeBurst  = 16_384
	// batchesPerTurn bounds the reads before something is sent again: 256 messages are handled in
	// less time than the sender's token bucket lasts.
	batchesPerTurn = 4
	// To call back a bundle costs the loop 15 µs or so, an entry, which is read from the log, twice to
	// four times that: so much of the bucket. What is refused is asked for again, and edges get
	// entries over HTTP if asking does not help.
	recallBundle, recallEntry     = 1, 4
	recallsPerSecond, recallBurst = 2000, 4096
)

func newIntake(feedbackRate int, now mono.Time) intake {
	return intake{perSecond: intakeFactor * float64(feedbackRate), burst: intakeBurst, level: intakeBurst, at: now}
}

func newRecalls(now mono.Time) intake {
	return intake{perSecond: recallsPerSecond, burst: recallBurst, level: recallBurst, at: now}
}

// takeAll takes n, if so many are left.
func (i *intake) takeAll(now mono.Time, n int) bool {
	i.take(now, 0)
	if int(i.level) < n {
		return false
	}
	i.level -= float64(n)
	return true
}

// take returns how many of n are to be taken.
func (i *intake) take(now mono.Time, n int) int {
	i.level = min(i.burst, i.level+now.Sub(i.at).Seconds()*i.perSecond)
	i.at = now
	taken := min(n, int(i.level))
	i.level -= float64(taken)
	return taken
}
