package sender

import (
	"testing"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

func TestEdgesEcho(t *testing.T) {
	s := newEdges(100)
	for i := range uint64(20) {
		s.hear(mono.Time(i), &wire.Feedback{Edge: i, Counter: 7})
	}
	list := s.acknowledge(100, nil)
	if len(list) != wire.MaxEchoes || list[0] != (wire.Echo{Edge: 19, Counter: 7, Held: 81}) || list[15].Edge != 4 {
		t.Errorf("echoes %v", list)
	}
	if list = s.acknowledge(100, list[:0]); len(list) != 0 {
		t.Errorf("echoed twice: %v", list)
	}
}

func TestEdgesStaleAndGone(t *testing.T) {
	s := newEdges(2)
	s.hear(0, &wire.Feedback{Edge: 1, Counter: 5, Report: &wire.Report{LossPPM: 1234}})
	if _, stale := s.hear(0, &wire.Feedback{Edge: 1, Counter: 5}); !stale {
		t.Error("a copy was taken for new")
	}
	s.hear(0, &wire.Feedback{Edge: 2, Counter: 5})
	if e, _ := s.hear(0, &wire.Feedback{Edge: 3, Counter: 5}); e != nil {
		t.Error("more edges than the limit")
	}
	later := mono.Time(edgeLifetime) + 1
	s.sweep(later, edgeLifetime)
	if e, _ := s.hear(later, &wire.Feedback{Edge: 3, Counter: 5}); e == nil || len(s.table) != 1 {
		t.Errorf("%d edges, want only the live one", len(s.table))
	}
}

func TestEdgeSmoothsRoundTrip(t *testing.T) {
	var e edge
	if got := e.sample(80 * time.Millisecond); got != 80*time.Millisecond {
		t.Errorf("first sample: %v", got)
	}
	if got := e.sample(0); got != 70*time.Millisecond {
		t.Errorf("second sample: %v", got)
	}
}
