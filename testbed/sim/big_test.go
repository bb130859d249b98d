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
	cfg.Entries = true
	start := time.Now()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.PublishObjects(15*time.Second, object(t, "/big", 10_000_000, "tag"))
	s.Purge(20*time.Second, tag("tag"))
	r := finish(t, s)
	check(t, cfg, r)
	inForce := s.InForce(2)
	o := r.Objects[0]
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	ideal := IdealObject(Bundle(10_000_000, 200), 0, Losers{10_000, 0.01})
	t.Logf("ratio %.4f, ideal %.4f: %.4f; surplus %d, twice %d; tail %v; NACKs %d, suppressed %d; took %v, %d MB",
		o.Ratio(), ideal, o.Ratio()/ideal, o.Surplus, o.RepairedTwice, (o.Last - o.FirstPass).Round(time.Millisecond/10),
		r.Receivers.NACKsSent, r.Receivers.NACKsSuppressed, time.Since(start).Round(time.Millisecond), m.Sys>>20)
	t.Logf("purge in force: p50 %v, p99 %v, all %v", quantile(inForce, 0.5), quantile(inForce, 0.99), quantile(inForce, 1))
	if o.Ratio() > 1.03*ideal || o.RepairedTwice != 0 {
		t.Errorf("ratio %.4f, ideal %.4f, repaired twice %d", o.Ratio(), ideal, o.RepairedTwice)
	}
}
