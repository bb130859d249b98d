package origin

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// Limits of catch-up by unicast.
const (
	// catchUpShare is which part of the session's rate all of it has together, if origin.yaml
	// does not say.
	catchUpShare = 4
	// maxCatchUps is how many ranges are sent at a time, maxCatchUpsWaiting how many more may wait,
	// each for catchUpPatience at most. What comes beyond is told when to come again.
	maxCatchUps        = 16
	maxCatchUpsWaiting = 64
	catchUpPatience    = 10 * time.Second
	// maxCatchUpsEach is how many of them one address may have.
	maxCatchUpsEach = 8
	// catchUpSlice is how much is sent at once, as time of the rate; the bucket holds as much.
	// Shorter ones cost more, longer ones come in bursts.
	catchUpSlice                       = 20 * time.Millisecond
	minCatchUpBytes, maxCatchUpBytes   = 1400, 256 << 10
	minCatchUpAgain, maxCatchUpAgain   = time.Second, time.Minute
	catchUpGrace, catchUpSlowestFactor = 30 * time.Second, 2
)

// catchUp lets edges have ranges of bundles by unicast, paced and no more than some at a time,
// so that a crowd of them disturbs neither multicast nor the machine. It may be used by many
// goroutines.
type catchUp struct {
	rate     uint64        // bits per second, of all ranges together
	patience time.Duration // how long a slice may take to leave
	slots    chan struct{} // holds one for each range that is being sent

	mu sync.Mutex
	// requests are those being sent or waiting, by address; admitted is their number.
	requests map[netip.Addr]int
	admitted int
	// next is when the bucket has what was taken from it.
	next  time.Time
	stats CatchUpStats
}

// CatchUpStats counts what an origin sent by unicast. Counters only grow.
type CatchUpStats struct {
	// Requests counts ranges that were begun, Bytes what was sent of them.
	Requests, Bytes uint64
	// Refused counts requests for which there was no place, Cut ranges whose reader was too slow
	// or went away.
	Refused, Cut uint64
	// Sending is how many ranges are being sent, Waiting how many requests wait for their turn.
	Sending, Waiting int
}

func newCatchUp(rate uint64) *catchUp {
	return &catchUp{rate: rate, patience: patience, slots: make(chan struct{}, maxCatchUps), requests: make(map[netip.Addr]int)}
}

// enter waits for the turn of a request from an address. If ok, leave must follow; if not, the
// request is to come again after a while.
func (c *catchUp) enter(ctx context.Context, from netip.Addr) (again time.Duration, ok bool) {
	c.mu.Lock()
	if c.admitted >= maxCatchUps+maxCatchUpsWaiting || c.requests[from] >= maxCatchUpsEach {
		c.stats.Refused++
		again = c.again()
		c.mu.Unlock()
		return again, false
	}
	c.admitted++
	c.requests[from]++
	c.mu.Unlock()
	timer := time.NewTimer(catchUpPatience)
	defer timer.Stop()
	select {
	case c.slots <- struct{}{}: // those who wait for a channel are served in turn
		c.mu.Lock()
		c.stats.Requests++
		c.mu.Unlock()
		return 0, true
	case <-timer.C:
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Refused++
	c.forget(from)
	return c.again(), false
}

// leave ends what enter began.
func (c *catchUp) leave(from netip.Addr) {
	<-c.slots
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(from)
}

// forget takes a request out; mu is held.
func (c *catchUp) forget(from netip.Addr) {
	c.admitted--
	if c.requests[from]--; c.requests[from] == 0 {
		delete(c.requests, from)
	}
}

// again returns after which time there may be a place: when those ahead, with a range each, have
// been served. mu is held.
func (c *catchUp) again() time.Duration {
	return min(max(c.takes(uint64(c.admitted)*maxRange), minCatchUpAgain), maxCatchUpAgain)
}

// takes returns how long so many bytes take.
func (c *catchUp) takes(bytes uint64) time.Duration {
	return time.Duration(float64(bytes) * 8 / float64(c.rate) * float64(time.Second))
}

// slice is how many bytes are sent at once.
func (c *catchUp) slice() int64 {
	return min(max(int64(float64(c.rate)*catchUpSlice.Seconds()/8), minCatchUpBytes), maxCatchUpBytes)
}

// limit is how long a range may take: as long as it does if all places are taken, with a margin.
// A reader that is slower is cut, so that nobody can hold a place for long.
func (c *catchUp) limit(bytes int64) time.Duration {
	return catchUpGrace + catchUpSlowestFactor*maxCatchUps*c.takes(uint64(bytes))
}

// take reserves so many bytes of the rate, and returns how long to wait before they are sent.
func (c *catchUp) take(now time.Time, bytes int64) (wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if full := now.Add(-catchUpSlice); c.next.Before(full) {
		c.next = full
	}
	wait = max(c.next.Sub(now), 0)
	c.next = c.next.Add(c.takes(uint64(bytes)))
	return wait
}

// sent counts what was sent of a range; whole says that all of it was.
func (c *catchUp) sent(bytes uint64, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Bytes += bytes
	if !whole {
		c.stats.Cut++
	}
}

// snapshot returns the counters.
func (c *catchUp) snapshot() CatchUpStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Sending = len(c.slots)
	s.Waiting = max(c.admitted-s.Sending, 0)
	return s
}
