package origin

import (
	"context"
	"net/netip"
	"testing"
	"time"
)

var anEdge = netip.MustParseAddr("192.0.2.1")

// TestCatchUpRate takes from the bucket as fast as it may, at several rates: what it gives is the
// rate and one slice.
func TestCatchUpRate(t *testing.T) {
	for _, rate := range []uint64{8000, 1_000_000, 25_000_000, 2_500_000_000} {
		c := newCatchUp(rate)
		begin := time.Unix(1000, 0)
		now, bytes := begin, int64(0)
		for now.Sub(begin) < 10*time.Second {
			now = now.Add(c.take(now, c.slice()))
			bytes += c.slice()
		}
		got, most := c.takes(uint64(bytes)), now.Sub(begin)+catchUpSlice+2*c.takes(uint64(c.slice()))
		if got > most || got < 9*time.Second {
			t.Errorf("%d bit/s: %v worth of bytes in %v", rate, got, now.Sub(begin))
		}
		if n := c.slice(); n < minCatchUpBytes || n > maxCatchUpBytes {
			t.Errorf("slices of %d bytes", n)
		}
		// A pause does not fill the bucket with more than it holds.
		now = now.Add(time.Hour)
		total := time.Duration(0)
		for c.take(now, minCatchUpBytes) == 0 {
			total += c.takes(minCatchUpBytes)
		}
		if total > catchUpSlice+c.takes(minCatchUpBytes) {
			t.Errorf("%d bit/s: %v worth of bytes at once after a pause", rate, total)
		}
	}
}

// TestCatchUpPlaces fills all places.
func TestCatchUpPlaces(t *testing.T) {
	c := newCatchUp(1_000_000)
	address := anEdge
	for i := range maxCatchUps {
		if i%maxCatchUpsEach == 0 {
			address = address.Next()
		}
		if _, ok := c.enter(t.Context(), address); !ok {
			t.Fatalf("no place for request %d", i)
		}
	}
	if again, ok := c.enter(t.Context(), address); ok || again < minCatchUpAgain || again > maxCatchUpAgain {
		t.Errorf("one address has more than its share: %v, %v", again, ok)
	}
	// The others wait, in turn.
	entered := make(chan bool)
	ctx, cancel := context.WithCancel(t.Context())
	for i := range maxCatchUpsWaiting {
		if i%maxCatchUpsEach == 0 {
			address = address.Next()
		}
		go func(from netip.Addr) {
			_, ok := c.enter(ctx, from)
			entered <- ok
		}(address)
	}
	for c.snapshot().Waiting < maxCatchUpsWaiting {
		time.Sleep(time.Millisecond)
	}
	if _, ok := c.enter(t.Context(), address.Next()); ok {
		t.Error("the queue has no end")
	}
	c.leave(anEdge.Next())
	if !<-entered {
		t.Error("a place that got free was given to nobody")
	}
	cancel()
	for range maxCatchUpsWaiting - 1 {
		if <-entered {
			t.Error("one who went away got a place")
		}
	}
	s := c.snapshot()
	if s.Sending != maxCatchUps || s.Waiting != 0 || s.Requests != maxCatchUps+1 || s.Refused != maxCatchUpsWaiting+1 {
		t.Errorf("%+v", s)
	}
}
