package receiver

import (
	"math"
	"math/rand/v2"
	"time"

	"fanfare/internal/wire"
)

// minGRTT is the least that timers use: scheduling delays exceed the round trip on a LAN.
const minGRTT = 2 * time.Millisecond

// backoff draws the wait before a NACK in a group of a size (RFC 5401 §3.2.1): truncated
// exponential, so that few of many come early.
func backoff(rng *rand.Rand, edges int, grtt time.Duration) time.Duration {
	if edges <= wire.BackoffGroup {
		return 0
	}
	longest := longestBackoff(edges, grtt)
	lambda := math.Log(float64(edges)) + 1
	x := 1 + rng.Float64()*(math.Exp(lambda)-1)
	return time.Duration(float64(longest) / lambda * math.Log(x))
}

// longestBackoff is what backoff draws at most.
func longestBackoff(edges int, grtt time.Duration) time.Duration {
	if edges <= wire.BackoffGroup {
		return 0
	}
	return wire.BackoffFactor * max(grtt, minGRTT)
}
