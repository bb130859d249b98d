package sender

import (
	"testing"
	"time"

	"fanfare/internal/wire"
)

// TestOneWayStory sends an entry and its bundle in two cycles to edges that cannot answer.
func TestOneWayStory(t *testing.T) {
	h := newHarness(t, Config{OneWay: true})
	h.want("heartbeat")
	control, data := wire.ControlTOI(3), wire.DataTOI(3)
	for cycle, symbols := range [][]string{{"0,0", "0,1", "0,2", "0,3"}, {"0,4", "0,0", "0,1", "0,2"}} {
		h.add(ObjectInfo{TOI: control, OTI: oti(1, 1, 1)})
		h.add(ObjectInfo{TOI: data, OTI: oti(3, 3, 5), Priority: Background, Proactive: 1, Start: 4 * cycle})
		want := []string{"control 3: 0,0"}
		for _, s := range symbols {
			want = append(want, "data 3: "+s)
		}
		h.want(want...)
		h.wantEvent(Event{FirstPassDone, data})
		h.wantEvent(Event{ObjectForgotten, data})
		h.ask(data, 0, 2)
		h.want()
		for range controlCopies - 1 {
			h.wantNoEvent()
			h.advance(copyInterval)
			h.want("control 3: 0,0")
		}
		h.wantEvent(Event{FirstPassDone, control})
		h.wantEvent(Event{ObjectForgotten, control})
		h.wantNoEvent()
		if s := h.engine.Stats(); s.Objects != 0 || s.FeedbackIgnored != uint64(cycle)+1 {
			t.Errorf("%d objects held, %d messages ignored", s.Objects, s.FeedbackIgnored)
		}
	}
	h.want() // no heartbeat is hurried
	h.advance(idleLongest + time.Millisecond)
	h.want("heartbeat")
}

// TestOneWayHeartbeats checks that they go on during a long pass, and take little of the rate.
func TestOneWayHeartbeats(t *testing.T) {
	h := newHarness(t, Config{OneWay: true, Rate: 1_000_000})
	h.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(10000, 200, 255)})
	end := h.now.Add(5 * time.Second)
	for h.now < end {
		for h.next() != "" {
		}
		h.advance(max(h.engine.NextTimeout().Sub(h.now), time.Millisecond))
	}
	if n := h.engine.Stats().HeartbeatsSent; n < 20 || n > 26 {
		t.Errorf("%d heartbeats in 5 s", n)
	}
}
