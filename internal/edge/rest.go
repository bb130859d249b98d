package edge

import (
	"time"

	"fanfare/internal/mono"
)

const (
	// restPackets is how many packets the loop lets gather in a stream of them: a turn for every
	// one or two costs more than they do.
	restPackets = 128
	// restLimit is how long it waits for them at most. It is the price: repairs, and purges amid a
	// stream, come that much later.
	restLimit = time.Millisecond
	// streamGap without packets ends a stream, and streamPackets in a row are one. Before that, and in
	// quiet times, a packet is handled when it comes.
	streamGap     = time.Millisecond
	streamPackets = 256
	// packetRoom is what a packet takes of the receive buffer, with the kernel's own bookkeeping.
	packetRoom = 2304
)

// rest saves the loop turns while packets stream in.
type rest struct {
	most            uint64 // packets that may gather
	packets, streak uint64
	last            mono.Time // when packets were last found
	rested          time.Duration
	rate            float64 // packets a second, about
}

// newRest takes the size of the receive buffer in bytes as mcast.Stats has it: half of what the
// kernel counts. No rest lets more than an eighth of it fill.
func newRest(buffer int) rest {
	return rest{most: uint64(max(1, min(restPackets, 2*buffer/8/packetRoom)))}
}

// pause returns how long the thread should sleep before it looks for packets again, not beyond
// until; 0: it should wait for one. packets is how many came so far.
func (r *rest) pause(now mono.Time, packets uint64, until mono.Time) time.Duration {
	fresh := packets - r.packets
	if fresh == 0 {
		r.rested = 0
		return 0
	}
	gap := now.Sub(r.last)
	if gap > r.rested+streamGap {
		r.streak = 0
	} else if rate := float64(fresh) / max(gap, time.Microsecond).Seconds(); r.streak < streamPackets {
		r.rate = rate
	} else {
		r.rate += (rate - r.rate) / 4
	}
	r.streak += fresh
	r.packets, r.last, r.rested = packets, now, 0
	if r.streak < streamPackets {
		return 0
	}
	wanted := time.Duration(float64(r.most) / max(r.rate, 1) * float64(time.Second))
	r.rested = max(0, min(wanted, restLimit, until.Sub(now)))
	return r.rested
}
