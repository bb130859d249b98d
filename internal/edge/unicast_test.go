package edge

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/mono"
)

func newTestUnicast(seed uint64) unicast {
	return newUnicast(rand.New(rand.NewPCG(seed, 1)), 100_000_000)
}

// TestUnicastSpreads has a crowd demoted at the same time: their first requests come over a while.
func TestUnicastSpreads(t *testing.T) {
	const edges = 200
	now := mono.Time(time.Hour)
	slots := make([]int, 4)
	for seed := range uint64(edges) {
		u := newTestUnicast(seed)
		if u.next() != mono.Never {
			t.Fatal("it fetches without reason")
		}
		if seed%2 == 0 {
			u.turn(now, true, false, edges)
		} else {
			u.poison(now, edges)
			u.poison(now, edges)
		}
		after := u.next().Sub(now)
		if after < 0 || after >= edges*fetchSpread {
			t.Fatalf("first request after %v", after)
		}
		slots[after*4/(edges*fetchSpread)]++
	}
	for _, n := range slots {
		if n < edges/8 {
			t.Errorf("requests come as %v", slots)
		}
	}
	u := newTestUnicast(1)
	u.turn(now, true, false, 1<<16)
	if after := u.next().Sub(now); after > maxFetchSpread {
		t.Errorf("first request after %v", after)
	}
}

// TestUnicastBacksOff fails for long, is told to come again later, and recovers.
func TestUnicastBacksOff(t *testing.T) {
	u := newTestUnicast(1)
	now := mono.Time(time.Hour)
	u.turn(now, true, false, 1)
	longest := time.Duration(0)
	for range 20 {
		u.busy = true
		if u.next() != mono.Never {
			t.Fatal("two requests at a time")
		}
		u.done(now, errors.New("bad"))
		longest = max(longest, u.next().Sub(now))
		if u.next() <= now {
			t.Fatal("tried again at once")
		}
		now = u.next()
	}
	if longest < maxBackoff/2 || longest > 2*maxBackoff {
		t.Errorf("longest pause %v", longest)
	}
	u.busy = true
	u.done(now, nil)
	u.busy = true
	u.done(now, &api.Error{Status: 503, RetryAfter: 20 * time.Second})
	if after := u.next().Sub(now); after < 20*time.Second || after > time.Minute {
		t.Errorf("comes again after %v, was told 20 s", after)
	}
	u.done(now, &api.Error{Status: 503, RetryAfter: 60_000 * time.Second})
	if after := u.next().Sub(now); after > 5*time.Minute {
		t.Errorf("sent away for %v", after)
	}
}

// TestUnicastRests when there is nothing to fetch.
func TestUnicastRests(t *testing.T) {
	u := newTestUnicast(1)
	now := mono.Time(time.Hour)
	u.poison(now, 4)
	u.none(now, true)
	if after := u.next().Sub(now); after != laterPoll {
		t.Errorf("looks for what must wait after %v", after)
	}
	u.none(now, false)
	if u.next() != mono.Never {
		t.Error("looks for nothing")
	}
	u.turn(now, true, false, 4)
	u.none(now, false)
	if after := u.next().Sub(now); after != fetchPoll {
		t.Errorf("a demoted edge looks after %v", after)
	}
	u.turn(now, false, false, 4) // blocks poisoned meanwhile are fetched still
	if u.next() == mono.Never {
		t.Error("does not look again")
	}
	u.none(now, false)
	if u.next() != mono.Never {
		t.Error("looks for nothing")
	}
	u.turn(now, false, true, 4)
	u.turn(now, true, true, 4)
	u.turn(now, true, false, 4)
	if u.next() == mono.Never {
		t.Error("fetches nothing though it is demoted")
	}
}

func TestUnicastRuns(t *testing.T) {
	for rate, want := range map[uint64]int64{8000: minRun, 100_000_000: 3_125_000, 10_000_000_000: maxRun} {
		if u := newUnicast(rand.New(rand.NewPCG(1, 1)), rate); u.runBytes != want {
			t.Errorf("%d bit/s: runs of %d bytes, want %d", rate, u.runBytes, want)
		}
	}
}
