package edge

import (
	"testing"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
	"fanfare/receiver"
)

func TestNews(t *testing.T) {
	n, now := newNews(), mono.Time(0)
	n.reported(now, 1, receiver.Stats{}) // a regular report: nothing to repeat
	if n.due != mono.Never {
		t.Fatalf("a report without news is repeated at %v", n.due)
	}
	n.untold = true
	n.reported(now, 2, receiver.Stats{RTT: 40 * time.Millisecond})
	if n.repeat(now.Add(79*time.Millisecond)) || !n.repeat(now.Add(80*time.Millisecond)) {
		t.Fatalf("not repeated after two round trips")
	}
	n.reported(now, 3, receiver.Stats{})
	n.acknowledged(7, []wire.Echo{{Edge: 8, Counter: 3}, {Edge: 7, Counter: 4}})
	if n.due == mono.Never {
		t.Fatal("acknowledged by another edge's echo, or by that of a NACK")
	}
	n.acknowledged(7, []wire.Echo{{Edge: 7, Counter: 2}})
	if n.due != mono.Never || len(n.counters) != 0 {
		t.Fatal("repeated after it was acknowledged")
	}
}

func TestNewsEnds(t *testing.T) {
	n, now := newNews(), mono.Time(0)
	n.untold = true
	reports := 0
	for n.reported(now, uint64(reports), receiver.Stats{}); n.due != mono.Never; reports++ {
		now = n.due
		if !n.repeat(now) {
			t.Fatal("not repeated when due")
		}
		n.reported(now, uint64(reports+1), receiver.Stats{})
	}
	if reports != newsRepeats || now > mono.Time(2*time.Second) {
		t.Errorf("repeated %d times in %v", reports, now)
	}
}
