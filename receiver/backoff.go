package receiver

import (
	"math"
	"math/rand/v2"
	"time"
)

const (
	// backoffGroup is the largest group in which nobody waits before asking.
	backoffGroup = 64
	// backoffK times GRTT is the longest wait (RFC 5401 §3.2 calls it K). NACKs go unicast and
	// are heard of in the sender's echo a round trip later: with K = 6, 1,000 receivers that
	// all lost something send 4.7 on average, with K = 4 they send 9.5.
	backoffK = 6
	// minGRTT is the least that timers use: scheduling delays exceed the round trip on a LAN.
	minGRTT = 2 * time.Millisecond
)

// backoff draws the wait before a NACK in a group of a size (RFC 5401 §3.2.1): truncated
// exponential, so that few of many come early.
func backoff(rng *rand.Rand, edges int, grtt time.Duration) time.Duration {
	if edges <= backoffGroup {
		return 0
	}
	longest := longestBackoff(edges, grtt)
	lambda := math.Log(float64(edges)) + 1
	x := 1 + rng.Float64()*(math.Exp(lambda)-1)
	return time.Duration(float64(longest) / lambda * math.Log(x))
}

// longestBackoff is what backoff draws at most.
func longestBackoff(edges int, grtt time.Duration) time.Duration {
	if edges <= backoffGroup {
		return 0
	}
	return backoffK * max(grtt, minGRTT)
}
