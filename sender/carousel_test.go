package sender

import (
	"testing"

	"fanfare/internal/wire"
)

// A pass that begins at a later symbol sends as many as ever, round at n; a repair goes on from
// where it ended.
func TestPassFromStart(t *testing.T) {
	h := newHarness(t, Config{})
	h.want("heartbeat")
	toi := wire.DataTOI(3)
	h.add(ObjectInfo{TOI: toi, OTI: oti(3, 3, 5), Start: 3, Proactive: 1})
	h.want("data 3: 0,3", "data 3: 0,4", "data 3: 0,0", "data 3: 0,1")
	h.wantEvent(Event{FirstPassDone, toi})
	h.advance(ms)
	h.want("heartbeat")
	h.ask(toi, 0, 2)
	h.want("data 3: 0,2", "data 3: 0,3")
}

func TestCarouselReplacesWhatIsIdle(t *testing.T) {
	h := newHarness(t, Config{})
	h.want("heartbeat")
	o := ObjectInfo{TOI: wire.DataTOI(3), OTI: oti(3, 3, 9)}
	h.add(o)
	again := o
	again.Start = 3
	if err := h.engine.Add(h.now, again); err != ErrExists {
		t.Fatalf("an object in its first pass was replaced: %v", err)
	}
	h.want("data 3: 0,0", "data 3: 0,1", "data 3: 0,2")
	h.wantEvent(Event{FirstPassDone, o.TOI})
	if err := h.engine.Add(h.now, o); err != ErrExists {
		t.Fatalf("an object was replaced without a start: %v", err)
	}
	h.add(again)
	h.wantNoEvent()
	for _, want := range []string{"data 3: 0,3", "data 3: 0,4", "data 3: 0,5"} {
		got := h.next()
		// The first of a pass say how the object is cut.
		if got != want || !h.packet.HasOTI {
			t.Errorf("packet %s, with OTI %v, want %s", got, h.packet.HasOTI, want)
		}
	}
	h.want()
	h.wantEvent(Event{FirstPassDone, o.TOI})
	if n := h.engine.Stats().Objects; n != 1 {
		t.Errorf("%d objects", n)
	}
}

func TestUrgentGoesFirst(t *testing.T) {
	h := newHarness(t, Config{})
	h.want("heartbeat")
	h.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(2, 2, 2), Priority: Background})
	h.add(ObjectInfo{TOI: wire.DataTOI(2), OTI: oti(2, 2, 2)})
	h.add(ObjectInfo{TOI: wire.DataTOI(3), OTI: oti(2, 2, 2), Priority: Urgent})
	h.want("data 3: 0,0", "data 3: 0,1", "data 2: 0,0", "data 2: 0,1", "data 1: 0,0", "data 1: 0,1")
	for _, bad := range []ObjectInfo{{Priority: Background + 1}, {Start: -1}} {
		bad.TOI, bad.OTI = wire.DataTOI(4), oti(2, 2, 2)
		if err := h.engine.Add(h.now, bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}
