package carousel

import (
	"testing"
	"time"
)

// After a restart of the origin the newest entries are repeated as if they had just been published, the
// newest first: the one after which it was killed may be a purge, and a cycle of hours has just begun.
func TestNewestEntriesAreRepeatedAfterRestart(t *testing.T) {
	h := newHarness(t, Config{Rate: 8_000_000}, 0)
	h.head = 5000
	for sequence := range h.head {
		h.bundles[sequence+1] = 1_000_000
	}
	h.carousel.Published(h.now, h.head)
	h.run(time.Second)
	var first uint64
	for i, s := range h.steps {
		if s.Cycle == 0 {
			if first = s.Sequence; h.at[i].Sub(0) > 2*firstRepeat {
				t.Errorf("the first repeat comes after %v", h.at[i].Sub(0))
			}
			break
		}
	}
	if first != h.head {
		t.Errorf("entry %d is the first that is repeated, want the newest", first)
	}
}
