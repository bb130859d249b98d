package receiver

import (
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// backlog knows how full this host's receive buffer is, and at what rate packets are taken out of
// it. The sender is told while it is fuller than an eighth, and when that is over: it can send more
// slowly before packets are lost here, which would cost more time and more of this host than they
// did.
type backlog struct {
	// share of the buffer was taken when the loop last looked, at looked; by then it had taken out so
	// many bytes.
	share  uint8
	bytes  uint64
	looked mono.Time
	// taken is what was taken out in busy time, since the rate was last sampled at sampled. Time is
	// busy from a look that found something left until the next.
	taken   uint64
	busy    time.Duration
	sampled mono.Time
	// rate is the smoothed intake in bits per second, 0 if not known.
	rate float64
	// told is the share that the sender was told last, at toldAt.
	told   uint8
	toldAt mono.Time
}

const (
	// intakeSample is how much busy time a sample of the intake takes, intakeSmooth about how much of
	// it counts, and intakeKeep how long an intake is known without a sample.
	intakeSample = 2 * time.Millisecond
	intakeSmooth = 20 * time.Millisecond
	intakeKeep   = 100 * time.Millisecond
)

// Backlog tells how much of the receive buffer is taken, 255 being all of it, and how many bytes were
// taken out of it so far, headers of IP and UDP included. The loop calls it after each read; 0 says
// that nothing was left, and anything else that something was.
func (e *Engine) Backlog(now mono.Time, share uint8, bytes uint64) {
	e.now = now
	e.backlog.look(now, share, bytes)
}

func (b *backlog) look(now mono.Time, share uint8, bytes uint64) {
	if b.share > 0 {
		b.busy += now.Sub(b.looked)
		b.taken += bytes - b.bytes
	}
	b.share, b.bytes, b.looked = share, bytes, now
	if b.busy < intakeSample {
		return
	}
	rate := float64(b.taken) * 8 / b.busy.Seconds()
	if now.Sub(b.sampled) > intakeKeep+b.busy || b.rate == 0 {
		b.rate = rate
	} else {
		b.rate += (rate - b.rate) * min(1, float64(b.busy)/float64(intakeSmooth))
	}
	b.sampled, b.taken, b.busy = now, 0, 0
}

// backlogDue returns when the sender is to be told of the backlog. In large groups that is when
// something else is sent.
func (e *Engine) backlogDue() mono.Time {
	b := &e.backlog
	if b.share < wire.BacklogLeast && b.told < wire.BacklogLeast || e.cfg.OneWay || !e.sender.known || e.reporter.edges > wire.BackoffGroup {
		return mono.Never
	}
	return b.toldAt.Add(max(e.reporter.cost(), e.sender.grtt/backlogTrips))
}

// backlogTrips is how often in a round trip of the group the sender is told at most.
const backlogTrips = 4

// tell fills in what f tells of the backlog.
func (b *backlog) tell(now mono.Time, f *wire.Feedback) {
	f.Backlog, f.Intake = b.share, 0
	if b.share >= wire.BacklogLeast && now.Sub(b.sampled) <= intakeKeep {
		f.Intake = uint64(b.rate)
	}
	b.told, b.toldAt = b.share, now
}
