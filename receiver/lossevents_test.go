package receiver

import (
	"testing"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// road is a sequence of packets of which some do not come.
type road struct {
	loss   loss
	events lossEvents
	now    mono.Time
	number uint32
	begun  int
}

const roadRTT = 20 * ms

// packets lets n packets come, a millisecond apart.
func (r *road) packets(n int) {
	for range n {
		r.number++
		r.arrive(r.number)
	}
}

func (r *road) arrive(number uint32) {
	r.now = r.now.Add(ms)
	if r.loss.receive(r.now, number) && r.events.receive(r.now, &r.loss, roadRTT) {
		r.begun++
	}
}

// lose lets n packets not come.
func (r *road) lose(n int) {
	r.number += uint32(n)
	r.now = r.now.Add(time.Duration(n) * ms)
}

func (r *road) want(t *testing.T, begun int, least, most uint32) {
	t.Helper()
	if got := r.events.ppm(r.loss.highest); r.begun != begun || got < least || got > most {
		t.Errorf("%d events and %d ppm, want %d and %d to %d", r.begun, got, begun, least, most)
	}
}

func TestLossEvents(t *testing.T) {
	r := &road{number: 1<<32 - 500} // comes round
	r.packets(1000)
	r.want(t, 0, 0, 0)
	r.lose(1)
	r.packets(2)
	r.want(t, 0, 0, 0) // it may be late
	r.packets(2)
	// 1,000 packets a second are 20 a round trip: TCP sends so at an interval of 267.
	r.want(t, 1, 3600, 3900)
	r.lose(3)
	r.packets(5)
	r.want(t, 1, 3600, 3900) // the same round trip
	for range 9 {
		r.packets(97)
		r.lose(3)
	}
	r.packets(5)
	r.want(t, 10, 9500, 10500) // one in 100
	r.packets(1000)
	r.want(t, 10, 2000, 5000) // the open interval counts, and takes weight from the others
	r.packets(20_000)
	r.want(t, 10, 50, 400)
}

func TestLossEventsReordered(t *testing.T) {
	r := &road{number: 1000}
	r.packets(100)
	for range 50 {
		r.number += 3
		r.arrive(r.number)
		r.arrive(r.number - 2)
		r.arrive(r.number - 1)
		r.packets(100)
	}
	r.want(t, 0, 0, 0)
	r.lose(5000) // more than the window
	r.packets(10)
	r.want(t, 1, 1, 1e6)
	r.number += maxJump * 2 // a discontinuity
	r.packets(10)
	r.want(t, 1, 1, 1e6)
	r.packets(3_000_000)
	r.want(t, 1, 0, 0)
}

// TestMarked checks that marks count as losses do, and that a rate out of the ordinary is told soon.
func TestMarked(t *testing.T) {
	h := newHarness(t, Config{})
	h.heartbeat(wire.Heartbeat{GRTT: 20 * ms, Edges: 3})
	h.wantEvents(Event{Kind: SenderHeard})
	h.advance(100 * ms)
	h.wantNACKs()
	before := h.engine.Stats().ReportsSent
	h.engine.Marked(h.now, 3)
	h.engine.Marked(h.now, 0)
	h.advance(50 * ms)
	if !h.engine.NextFeedback(h.now, &h.message) || h.message.Report == nil {
		t.Fatal("no report of the first mark")
	}
	if r := h.message.Report; r.PacketsMarked != 3 || r.LossEventPPM == 0 || r.PacketsLost != 0 {
		t.Errorf("report %+v", r)
	}
	if got := h.engine.Stats().ReportsSent; got != before+1 {
		t.Errorf("%d reports", got-before)
	}
	h.advance(50 * ms)
	h.engine.Marked(h.now, 1) // as often as before
	if h.engine.NextTimeout() <= h.now {
		t.Error("what is no news is told at once")
	}
}

// TestEarlyReport checks that the first loss is reported within a few packets.
func TestEarlyReport(t *testing.T) {
	h := newHarness(t, Config{})
	h.heartbeat(wire.Heartbeat{GRTT: 20 * ms, Edges: 3})
	h.wantEvents(Event{Kind: SenderHeard})
	h.advance(100 * ms)
	h.wantNACKs()
	for i := range 20 {
		h.advance(ms)
		if i == 10 {
			h.lose()
		}
		h.packet(wire.DataTOI(1), 0, 100, i, nil)
	}
	if h.engine.NextTimeout() > h.now {
		t.Error("the first loss is not told soon")
	}
	if got := h.engine.Stats().LossEventPPM; got == 0 {
		t.Error("no loss event rate")
	}
}
