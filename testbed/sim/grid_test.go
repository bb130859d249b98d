package sim

import (
	"fmt"
	"testing"
	"time"
)

// TestGrid prints what the README of the test bed says about overhead.
func TestGrid(t *testing.T) {
	if testing.Short() {
		t.Skip("long: a table of many runs")
	}
	for _, n := range []int{1, 4, 100, 1000} {
		for _, p := range []float64{0.01, 0.05, 0.10} {
			t.Run(fmt.Sprintf("%d edges, %.0f%%", n, 100*p), func(t *testing.T) {
				cfg := lan(n, p)
				start := time.Now()
				r := run(t, cfg, 10_000_000)
				o := r.Objects[0]
				ideal := IdealObject(Bundle(10_000_000, 200), 0, Losers{n, p})
				t.Logf("ratio %.4f, ideal %.4f: %.4f; surplus %d, twice %d; tail %v; NACKs %d, suppressed %d, feedback %.3f %% nacks only? took %v",
					o.Ratio(), ideal, o.Ratio()/ideal, o.Surplus, o.RepairedTwice, (o.Last - o.FirstPass).Round(time.Millisecond/10),
					r.Receivers.NACKsSent, r.Receivers.NACKsSuppressed, 100*r.FeedbackShare(), time.Since(start).Round(time.Millisecond))
				if o.Ratio() > 1.03*ideal+0.003 || o.RepairedTwice != 0 {
					t.Errorf("ratio %.4f, ideal %.4f, repaired twice %d", o.Ratio(), ideal, o.RepairedTwice)
				}
			})
		}
	}
}
