package origin

import "fanfare/internal/mono"

// intake bounds how many feedback messages are looked at: more of them than edges that do as they
// are told would ever send are thrown away unread, so that a flood cannot keep the loop from
// sending. It is a token bucket; level is what was in it at a time.
type intake struct {
	perSecond float64
	level     float64
	at        mono.Time
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
)

func newIntake(feedbackRate int, now mono.Time) intake {
	return intake{perSecond: intakeFactor * float64(feedbackRate), level: intakeBurst, at: now}
}

// take returns how many of n messages may be looked at.
func (i *intake) take(now mono.Time, n int) int {
	i.level = min(intakeBurst, i.level+now.Sub(i.at).Seconds()*i.perSecond)
	i.at = now
	taken := min(n, int(i.level))
	i.level -= float64(taken)
	return taken
}
