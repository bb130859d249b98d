package receiver

import (
	"testing"
	"time"

	"fanfare/internal/mono"
)

const ms = time.Millisecond

func TestLossCounts(t *testing.T) {
	for _, test := range []struct {
		name                                 string
		sequences                            []uint32
		received, lost, duplicate, reordered uint64
	}{
		{"in order", []uint32{5, 6, 7}, 3, 0, 0, 0},
		{"one lost", []uint32{5, 7}, 2, 1, 0, 0},
		{"one late", []uint32{5, 7, 6}, 3, 0, 0, 1},
		{"twice", []uint32{5, 6, 6, 5}, 2, 0, 2, 0},
		{"late and twice", []uint32{5, 8, 6, 6}, 3, 1, 1, 1},
		{"before the first", []uint32{5, 4}, 1, 0, 1, 0},
		{"across the end of the numbers", []uint32{0xfffffffe, 1}, 2, 2, 0, 0},
		{"a jump is not loss", []uint32{5, 5 + maxJump + 1}, 2, 0, 0, 0},
		{"a jump back is not loss", []uint32{1 << 20, 7, 8}, 3, 0, 0, 0},
		{"the largest loss", []uint32{5, 5 + maxJump}, 2, maxJump - 1, 0, 0},
		{"older than the window", []uint32{5, 5 + maxJump, 6}, 3, maxJump - 1, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var l loss
			for i, s := range test.sequences {
				l.receive(mono.Time(i+1), s)
			}
			if l.received != test.received || l.lost != test.lost || l.duplicate != test.duplicate || l.reordered != test.reordered {
				t.Errorf("received %d, lost %d, duplicate %d, reordered %d", l.received, l.lost, l.duplicate, l.reordered)
			}
		})
	}
}

// What the receive buffer dropped is what is missing where it did, trains of as many as there may be.
func TestLossInTheReceiveBuffer(t *testing.T) {
	type arrival struct {
		trains   uint64 // dropped since the one before
		sequence uint32
	}
	for _, test := range []struct {
		name          string
		arrivals      []arrival
		lost, dropped uint64
	}{
		{"a train", []arrival{{0, 5}, {1, 26}, {0, 27}}, 20, 20},
		{"two trains, told of by one packet", []arrival{{0, 5}, {2, 105}}, 99, 99},
		{"a packet, and more on the way", []arrival{{0, 5}, {1, 105}}, 99, maxTrain},
		{"on the way alone", []arrival{{0, 5}, {0, 9}}, 3, 0},
		{"on the way, later", []arrival{{0, 5}, {1, 7}, {0, 9}}, 2, 1},
		{"a packet of others", []arrival{{0, 5}, {1, 6}, {0, 9}}, 2, 0},
		{"before an older one", []arrival{{0, 5}, {0, 8}, {1, 6}, {0, 10}}, 2, 1},
		{"before a jump", []arrival{{0, 5}, {9, 5 + maxJump + 1}, {0, 5 + maxJump + 3}}, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var l loss
			for i, a := range test.arrivals {
				l.trains += a.trains
				l.receive(mono.Time(i+1), a.sequence)
			}
			if l.lost != test.lost || l.dropped != test.dropped {
				t.Errorf("lost %d, dropped %d of them; want %d, %d", l.lost, l.dropped, test.lost, test.dropped)
			}
		})
	}
}

func TestLossWaitsForReordering(t *testing.T) {
	var l loss
	now := mono.Time(ms)
	if l.receive(now, 1); l.wait(now) != 0 {
		t.Error("waits before anything was late")
	}
	l.receive(now, 3)
	late := now.Add(7 * ms)
	l.receive(late, 2)
	if got := l.wait(late); got != 7*ms {
		t.Errorf("waits %v, want as long as the packet was late", got)
	}
	l.receive(late, 5)
	l.receive(late.Add(time.Second), 4)
	if got := l.wait(late.Add(time.Second)); got != lateMost {
		t.Errorf("waits %v, want %v at most", got, lateMost)
	}
	if got := l.wait(late.Add(2*time.Second + lateKeep)); got != 0 {
		t.Errorf("still waits %v long after", got)
	}
}

func TestRecentLoss(t *testing.T) {
	var l loss
	s := uint32(0)
	feed := func(every uint32) uint32 {
		for range 1000 {
			if s++; s%every != 0 {
				l.receive(1, s)
			}
		}
		return l.recentPPM(0)
	}
	if got := feed(10); got < 99_000 || got > 101_000 {
		t.Errorf("%d ppm of one in ten", got)
	}
	for range 20 {
		feed(100)
	}
	if got := feed(100); got < 9_000 || got > 11_000 {
		t.Errorf("%d ppm of one in a hundred", got)
	}
	before := l.recentPPM(0)
	l.receive(1, s+50)
	if got := l.recentPPM(0); got != before {
		t.Errorf("a few packets changed %d to %d ppm", before, got)
	}
}

// On a path that is well again the loss is forgotten within minutes even if nothing but heartbeats
// comes: a demoted edge comes back by what it reports.
func TestLossIsForgottenWhenIdle(t *testing.T) {
	var l loss
	now, sequence := mono.Time(0), uint32(1)
	for range 10_000 { // 2,000 packets a second, of which 40 % are lost
		if now = now.Add(500 * time.Microsecond); sequence%5 > 1 {
			l.receive(now, sequence)
		}
		if sequence++; sequence%500 == 0 {
			l.recentPPM(now)
		}
	}
	if got := l.recentPPM(now); got < 390_000 || got > 410_000 {
		t.Fatalf("%d ppm at 40 %%", got)
	}
	healed := now
	for l.recentPPM(now) > 100_000 {
		now = now.Add(time.Second)
		if l.receive(now, sequence); now.Sub(healed) > 5*time.Minute {
			t.Fatalf("still %d ppm after five minutes without loss", l.recent)
		}
		sequence++
	}
}
