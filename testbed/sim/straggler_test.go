package sim

import (
	"testing"
	"time"

	"fanfare/sender"
	"fanfare/testbed/netem"
)

// lastOf returns when the last of the first n edges had an object, after its publication.
func lastOf(s *Simulation, object, n int) (last time.Duration) {
	o := s.objects[object]
	for _, at := range o.done[:n] {
		last = max(last, at.Sub(o.at))
	}
	return last
}

// withStraggler has 20 edges that lose 1 % and, if loss is not 0, one that loses more.
func withStraggler(t *testing.T, loss float64, bytes uint64, demote sender.DemoteConfig) (*Simulation, Result) {
	t.Helper()
	cfg := lan(20, 0.01)
	cfg.Sender.Demote = demote
	if loss > 0 {
		cfg.Edges = append(cfg.Edges, Star(1, netem.Config{Delay: 10 * time.Millisecond, Loss: loss}, cfg.Edges[0].Up)...)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Publish(200*time.Millisecond, Bundle(bytes, 200))
	return s, finish(t, s)
}

// TestStraggler checks that one edge at 40 % loss does not hold up twenty others, and gets everything
// too. The first asks of a straggler are answered, since one block alone proves nothing: that may cost
// a round trip.
func TestStraggler(t *testing.T) {
	for _, bytes := range []uint64{2_000_000, 20_000_000, 200_000_000} {
		alone, _ := withStraggler(t, 0, bytes, sender.DemoteConfig{})
		s, r := withStraggler(t, 0.4, bytes, sender.DemoteConfig{})
		endured, _ := withStraggler(t, 0.4, bytes, sender.DemoteConfig{Off: true})
		want, got := lastOf(alone, 0, 20), lastOf(s, 0, 20)
		t.Logf("%d bytes: the others alone %v, with a straggler %v (%.3f; %.3f if it is endured), which took %v; %d demoted, %d NACKs deferred, %d not answered",
			bytes, want, got, got.Seconds()/want.Seconds(), lastOf(endured, 0, 20).Seconds()/want.Seconds(), lastOf(s, 0, 21),
			r.Sender.EdgesDemoted, r.Sender.NACKsDeferred, r.Sender.NACKsDemoted)
		if got > want*105/100 && got > want+20*time.Millisecond {
			t.Errorf("%d bytes: the others took %v, without the straggler %v", bytes, got, want)
		}
	}
}

// TestStragglerComesBack checks that an edge whose loss ends is promoted and asks again, and that
// one that keeps losing stays demoted.
func TestStragglerComesBack(t *testing.T) {
	cfg := lan(10, 0.01)
	cfg.Edges[3].Down.Loss, cfg.Edges[4].Down.Loss = 0.4, 0.4
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Publish(200*time.Millisecond, Bundle(400_000_000, 200))
	demoted := func(at time.Duration, want3, want4 bool) {
		s.At(at, func() {
			three, _ := s.origin.engine.Edge(4)
			four, _ := s.origin.engine.Edge(5)
			if three.Demoted != want3 || four.Demoted != want4 {
				t.Errorf("after %v: demoted %v %v, want %v %v", at, three.Demoted, four.Demoted, want3, want4)
			}
		})
	}
	demoted(time.Second, false, false)
	demoted(5*time.Second, true, true)
	s.At(5*time.Second, func() {
		if err := s.SetLinks(3, cfg.Edges[0].Down, cfg.Edges[0].Up); err != nil {
			t.Error(err)
		}
	})
	demoted(8*time.Second, true, true)
	demoted(14*time.Second, false, true)
	r := finish(t, s)
	if e := s.edges[3].engine; e.Demoted() || e.Stats().NACKsSent == 0 {
		t.Error("the edge does not know that it is back")
	}
	if r.Sender.EdgesDemoted != 1 {
		t.Errorf("%d edges are demoted at the end", r.Sender.EdgesDemoted)
	}
}

// TestManyStragglers checks that no one is demoted when most are bad.
func TestManyStragglers(t *testing.T) {
	cfg := lan(10, 0.4)
	cfg.Edges[0].Down.Loss = 0.01
	r := run(t, cfg, 100_000_000)
	if r.Sender.EdgesDemoted != 0 || r.Sender.NACKsDeferred > r.Sender.NACKsReceived/20 {
		t.Errorf("%d edges demoted, %d NACKs deferred of %d", r.Sender.EdgesDemoted, r.Sender.NACKsDeferred, r.Sender.NACKsReceived)
	}
}
