package sim

import (
	"testing"
	"time"

	"fanfare/sender"
	"fanfare/testbed/netem"
)

// TestHoldBack checks that new data waits for edges that cannot finish many blocks, and that it does
// not wait for ever when an edge dies or cannot be reached.
func TestHoldBack(t *testing.T) {
	for _, fault := range []string{"none", "an edge dies", "feedback is lost"} {
		t.Run(fault, func(t *testing.T) {
			cfg := lan(6, 0.05)
			cfg.Sender.Demote = sender.DemoteConfig{Off: true}
			for i := range cfg.Edges {
				cfg.Edges[i].Down.Delay, cfg.Edges[i].Up.Delay = 100*time.Millisecond, 100*time.Millisecond
			}
			took := func(most int) time.Duration {
				cfg.Sender.MaxUnfinished = most
				s, err := New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				s.Publish(time.Second, Bundle(50_000_000, 200))
				largest := 0
				for at := time.Second; at < 60*time.Second; at += 20 * time.Millisecond {
					s.At(at, func() { largest = max(largest, s.origin.engine.Stats().BlocksUnfinished) })
				}
				s.At(2*time.Second, func() {
					switch fault {
					case "an edge dies":
						s.StopEdge(2)
					case "feedback is lost":
						if err := s.SetLinks(2, cfg.Edges[2].Down, netem.Config{Loss: 0.9, Delay: 100 * time.Millisecond}); err != nil {
							t.Error(err)
						}
					}
				})
				r := finish(t, s)
				if fault == "none" && most > 0 && largest > most+32 { // what goes in a round trip is under way
					t.Errorf("at most %d blocks: %d were unfinished", most, largest)
				}
				t.Logf("at most %d: largest %d, %v, ratio %.3f", most, largest, lastOf(s, 0, 2), r.Objects[0].Ratio())
				return lastOf(s, 0, 2)
			}
			free, held := took(0), took(8)
			if held < free*3/2 || held > 30*time.Second {
				t.Errorf("took %v, held back %v", free, held)
			}
		})
	}
}
