package receiver

import (
	"time"

	"fanfare/internal/mono"
)

// loss counts packets by their sequence numbers: which came, which did not, which came late
// or twice.
type loss struct {
	started bool
	// highest is the newest number, which came at risen.
	highest uint32
	risen   mono.Time
	// window has one bit for each of the latest numbers, at the number modulo windowBits: it
	// is clear if the packet is missing.
	window [windowBits / 64]uint64
	// gaps are the latest runs of missing numbers, in a ring, and when they were noticed.
	gaps [8]gap
	gap  int

	received, lost, duplicate, reordered uint64
	// dropped is how many of lost the receive buffer dropped; trains is how often it dropped something
	// since the newest packet: how many packets each time is not known.
	dropped, trains uint64

	// late is how long packets were seen to be overtaken, at lateAt.
	late   time.Duration
	lateAt mono.Time

	// recent smooths the loss over about recentOf packets, from what the counters were at its last
	// update.
	recent, recentOf uint32
	recentAt         mono.Time
	markLost, markIn uint64
	burst            burst
}

type gap struct {
	first, last uint32
	at          mono.Time
}

const (
	windowBits = 4096
	// maxJump is the largest step that is taken for loss; a larger one is a discontinuity.
	maxJump = 1 << 16
	// maxTrain is how many packets the kernel joins at most to one that finds room or does not
	// (Linux's UDP_GRO_CNT_MAX).
	maxTrain = 64
	// standstill is how long lower numbers are taken for late packets while no higher one comes;
	// then they are what the sender has come to, and the highest was forged.
	standstill = 3 * time.Second
	// lateKeep is how long reordering is expected to come again, lateMost how long it is
	// waited for at most.
	lateKeep = 10 * time.Second
	lateMost = 100 * time.Millisecond
	// recentLeast is how many packets make a sample of the recent loss, recentMost over how many it
	// is smoothed: of 100 receivers the one with the highest of samples four times shorter reports
	// twice its loss of 1 %.
	recentLeast = 100
	recentMost  = 4096
	// recentKeep is how long samples may lie apart before older ones begin to count less: on an idle
	// session 4,096 heartbeats take more than an hour, and an edge would be held for bad as long.
	recentKeep = 10 * time.Second
)

// receive takes note of a packet. It reports whether it is the newest so far.
func (l *loss) receive(now mono.Time, sequence uint32) (newest bool) {
	d := int32(sequence - l.highest)
	switch {
	case !l.started || d > maxJump || d < -maxJump || d <= 0 && now.Sub(l.risen) > standstill:
		l.restart(now, sequence)
		return true
	case d > 0:
		l.advance(now, sequence, uint32(d))
		return true
	case d <= -windowBits: // too old to be known
		l.received++
		return false
	case l.has(sequence):
		l.duplicate++
		return false
	}
	l.set(sequence)
	l.received++
	l.reordered++
	l.lost--
	for _, g := range l.gaps {
		if sequence-g.first <= g.last-g.first && g.at > 0 {
			l.late = max(l.wait(now), now.Sub(g.at))
			l.lateAt = now
		}
	}
	return false
}

// restart begins at a number of which nothing before is missed.
func (l *loss) restart(now mono.Time, sequence uint32) {
	for i := range l.window {
		l.window[i] = ^uint64(0)
	}
	l.gaps = [8]gap{}
	l.started, l.highest, l.risen, l.trains = true, sequence, now, 0
	l.received++
}

// advance moves on by step numbers, of which the last has come.
func (l *loss) advance(now mono.Time, sequence, step uint32) {
	if step > 1 {
		l.lost += uint64(step - 1)
		l.dropped += min(uint64(step-1), l.trains*maxTrain)
		l.burst.lose(step - 1)
		l.gaps[l.gap] = gap{first: l.highest + 1, last: sequence - 1, at: now}
		l.gap = (l.gap + 1) % len(l.gaps)
		if step >= windowBits {
			l.window = [windowBits / 64]uint64{}
		} else {
			for s := l.highest + 1; s != sequence; s++ {
				l.window[s%windowBits/64] &^= 1 << (s % 64)
			}
		}
	}
	l.set(sequence)
	l.highest, l.risen, l.trains = sequence, now, 0
	l.received++
}

func (l *loss) has(s uint32) bool { return l.window[s%windowBits/64]&(1<<(s%64)) != 0 }
func (l *loss) set(s uint32)      { l.window[s%windowBits/64] |= 1 << (s % 64) }

// wait returns how long a missing packet may still come: as long as it was seen to lately.
func (l *loss) wait(now mono.Time) time.Duration {
	if now.Sub(l.lateAt) > lateKeep {
		return 0
	}
	return min(l.late, lateMost)
}

// recentPPM returns the recent loss in packets per million, updated with what came since it was
// last asked for.
func (l *loss) recentPPM(now mono.Time) uint32 {
	lost, in := int64(l.lost-l.markLost), int64(l.received-l.markIn)
	if lost < 0 || lost+in < recentLeast {
		return l.recent
	}
	of := int64(l.recentOf)
	if apart := now.Sub(l.recentAt); apart > recentKeep {
		of = of * int64(recentKeep) / int64(apart)
	}
	l.recentAt = now
	l.recent = uint32((int64(l.recent)*of + lost*1e6) / (of + lost + in))
	l.recentOf = uint32(min(of+lost+in, recentMost))
	l.markLost, l.markIn = l.lost, l.received
	return l.recent
}
