package sim

import (
	"runtime"
	"testing"
	"time"
)

func TestTenThousandEdges(t *testing.T) {
	if testing.Short() {
		t.Skip("long: 10,000 edges")
	}
	cfg := lan(10_000, 0.01)
	start := time.Now()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Publish(15*time.Second, Bundle(10_000_000, 200))
	r := finish(t, s)
	o := r.Objects[0]
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	ideal := IdealObject(Bundle(10_000_000, 200), 0, Losers{10_000, 0.01})
	t.Logf("ratio %.4f, ideal %.4f: %.4f; surplus %d, twice %d; tail %v; NACKs %d, suppressed %d; took %v, %d MB",
		o.Ratio(), ideal, o.Ratio()/ideal, o.Surplus, o.RepairedTwice, (o.Last - o.FirstPass).Round(time.Millisecond/10),
		r.Receivers.NACKsSent, r.Receivers.NACKsSuppressed, time.Since(start).Round(time.Millisecond), m.Sys>>20)
	if o.Ratio() > 1.03*ideal || o.RepairedTwice != 0 {
		t.Errorf("ratio %.4f, ideal %.4f, repaired twice %d", o.Ratio(), ideal, o.RepairedTwice)
	}
}
