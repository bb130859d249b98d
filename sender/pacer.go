package sender

import (
	"time"

	"fanfare/internal/mono"
)

// pacer is a token bucket, kept as the time at which it is empty: the bucket's level is the
// time since then, at most burst, and a packet moves that time on by as long as it takes
// at the rate.
type pacer struct {
	// perByte is nanoseconds a byte takes.
	perByte float64
	burst   time.Duration
	// credit is by how much the bucket may be overdrawn by what does not wait.
	credit time.Duration
	// train is the level at which sending begins again after the bucket ran dry, so that
	// packets leave in trains rather than one by one.
	train time.Duration
	empty mono.Time
	dry   bool
}

// Sizes of bucket, credit and train, in bytes and time. Of burstBytes and burstTime the larger
// counts; but at a low rate, where 64 KB are long, a full bucket is no more than longestBurst, so
// that a sender that has rested does not fill the queue of a slow link, and no less than
// leastBurst.
const (
	burstBytes   = 64 << 10
	burstTime    = 4 * time.Millisecond
	longestBurst = 20 * time.Millisecond
	leastBurst   = 2 * trainLeast
	trainBytes   = 64 << 10
	trainTime    = 500 * time.Microsecond
	trainLeast   = 1500
)

// newPacer returns a full bucket for a rate in bits per second.
func newPacer(rate uint64, now mono.Time) pacer {
	var p pacer
	p.size(float64(rate))
	p.empty = now - mono.Time(p.burst)
	return p
}

// size fits bucket and train to a rate in bits per second.
func (p *pacer) size(rate float64) {
	p.perByte = 8e9 / rate
	p.credit = max(p.duration(burstBytes), burstTime)
	p.burst = max(min(p.credit, longestBurst), p.duration(leastBurst))
	p.train = min(max(trainTime, p.duration(trainLeast)), p.duration(trainBytes))
}

// setRate changes the rate, in bits per second. What is in the bucket, or overdrawn, stays so many
// bytes, as far as the bucket for that rate holds them.
func (p *pacer) setRate(now mono.Time, rate float64) {
	level := min(float64(now.Sub(p.empty)), float64(p.burst)) / p.perByte
	p.size(rate)
	p.empty = now - mono.Time(min(level*p.perByte, float64(p.burst)))
}

// duration returns how long some bytes take at the rate.
func (p *pacer) duration(bytes int) time.Duration {
	return time.Duration(float64(bytes)*p.perByte + 0.5)
}

// bytes returns how many bytes go in some time, but at most so many.
func (p *pacer) bytes(d time.Duration, most int) int {
	return int(min(float64(d)/p.perByte, float64(most)))
}

// allows reports whether a packet may go now. The last of a train may overdraw the bucket.
func (p *pacer) allows(now mono.Time) bool {
	if now < p.next() {
		return false
	}
	p.dry = now <= p.empty
	return !p.dry
}

// next returns when allows will be true, if it is not already.
func (p *pacer) next() mono.Time {
	if p.dry {
		return p.empty.Add(p.train)
	}
	return p.empty + 1
}

// overdrawn reports whether so much was sent without waiting that even what never waits has to.
func (p *pacer) overdrawn(now mono.Time) bool { return now < p.solvent() }

// solvent returns when it is no longer overdrawn.
func (p *pacer) solvent() mono.Time { return p.empty - mono.Time(p.credit) }

// charge takes the bytes of a packet out of the bucket.
func (p *pacer) charge(now mono.Time, bytes int) {
	p.empty = max(p.empty, now-mono.Time(p.burst)).Add(p.duration(bytes))
	if p.empty >= now {
		p.dry = true
	}
}
