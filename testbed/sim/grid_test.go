package sim

import (
	"testing"
	"time"
)

// TestGrid compares symbols sent with the ideal. To see its table:
// go test -v -run Grid ./testbed/sim
func TestGrid(t *testing.T) {
	groups, losses := []int{1, 4, 8, 100, 1000}, []float64{0.001, 0.01, 0.05, 0.10, 0.20}
	if testing.Short() {
		groups, losses = []int{1, 4, 100}, []float64{0.01, 0.10}
	}
	t.Log(" edges  loss    k   sent/source    ideal  over ideal  surplus      tail    NACKs  feedback")
	for _, n := range groups {
		for _, p := range losses {
			k := BlockFor(p)
			cfg := lan(n, p)
			s, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			bytes := uint64(20_000_000)
			if n >= 1000 {
				bytes = 5_000_000
			}
			s.Publish(time.Second, Bundle(bytes, k))
			r := finish(t, s)
			o := r.Objects[0]
			ideal := IdealObject(Bundle(bytes, k), 0, Losers{n, p})
			t.Logf("%6d %4.1f %%  %3d   %11.4f  %7.4f  %10.4f  %7d  %8v  %7d  %7.3f %%", n, 100*p, k, o.Ratio(), ideal,
				o.Ratio()/ideal, o.Surplus, (o.Last - o.FirstPass).Round(time.Millisecond/10), r.Receivers.NACKsSent, 100*r.FeedbackShare())
			// Few receivers differ from the mean by chance.
			if o.Ratio() > 1.02*ideal+0.005 || o.RepairedTwice != 0 {
				t.Errorf("%d edges, loss %v: ratio %.4f, ideal %.4f, repaired twice %d", n, p, o.Ratio(), ideal, o.RepairedTwice)
			}
		}
	}
}
