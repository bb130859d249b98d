package receiver

// burst measures how long runs of lost packets are on average. Old runs count for ever less.
type burst struct {
	runs, packets uint32
}

const (
	// burstLeast is how few runs say nothing yet, burstKeep how many are remembered in full.
	burstLeast = 8
	burstKeep  = 256
	// burstMost is what a run counts for at most: one that is longer is an outage, against which
	// no order of packets helps.
	burstMost = 64
)

// lose takes note of a run of lost packets.
func (b *burst) lose(packets uint32) {
	if b.runs >= burstKeep {
		b.runs, b.packets = b.runs/2, b.packets/2
	}
	b.runs++
	b.packets += min(packets, burstMost)
}

// milli returns the mean length of a run in thousandths of a packet, 0 if that is not known.
func (b *burst) milli() uint32 {
	if b.runs < burstLeast {
		return 0
	}
	return b.packets * 1000 / b.runs
}
