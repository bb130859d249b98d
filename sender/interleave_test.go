package sender

import (
	"testing"
	"time"

	"fanfare/internal/wire"
)

func TestInterleave(t *testing.T) {
	h := newHarness(t, Config{Rate: 10_000_000})
	toi := wire.DataTOI(1)
	h.add(ObjectInfo{TOI: toi, OTI: oti(4200, 200, 255)}) // 21 blocks of 20 KB: 16 ms each
	o := h.engine.objects.table[toi]
	report := func(edge uint64, loss, milli uint32) {
		h.counter++
		h.engine.HandleFeedback(h.now, &wire.Feedback{
			TSI: 1, Edge: edge, Counter: h.counter, Instance: 99, EchoTime: sendTime(h.now),
			Report: &wire.Report{LossPPM: loss, BurstMilli: milli},
		})
	}
	want := func(width int) {
		t.Helper()
		h.now = h.now.Add(time.Second)
		h.engine.HandleTimeout(h.now)
		if got := h.engine.interleave(o); got != width {
			t.Errorf("%d blocks take turns, want %d", got, width)
		}
	}
	want(1)
	for edge := range uint64(20) {
		report(edge, 200_000, 1250)
	}
	want(1) // 20 % independent
	report(20, 100, 40_000)
	want(1) // bursts, but hardly any loss
	report(1, 10_000, 40_000)
	want(1) // one edge of twenty
	report(2, 10_000, 2500)
	want(4)
	for edge := range uint64(20) {
		report(edge, 10_000, 5000)
	}
	want(7) // 8, but 21 blocks are three groups of 7
	o.pass.position = 14
	want(7)
	o.pass.position = 20
	want(1)
}

// TestInterleaveClean has a rate at which eight blocks take turns unless nobody loses anything.
func TestInterleaveClean(t *testing.T) {
	h := newHarness(t, Config{Rate: 1_000_000_000})
	toi := wire.DataTOI(1)
	h.add(ObjectInfo{TOI: toi, OTI: oti(4200, 200, 255)})
	o := h.engine.objects.table[toi]
	at := func(position uint32, want int) {
		t.Helper()
		o.pass.position = position
		if got := h.engine.interleave(o); got != want {
			t.Errorf("from block %d on %d blocks take turns, want %d", position, got, want)
		}
	}
	at(16, 5) // for nobody known
	for _, step := range []struct {
		edge  uint64
		loss  uint32
		width int
	}{
		{1, 0, 1}, {2, 499, 1}, {2, 500, 5}, {3, 0, 5}, {2, 10, 1},
	} {
		h.counter++
		h.engine.HandleFeedback(h.now, &wire.Feedback{
			TSI: 1, Edge: step.edge, Counter: h.counter, Instance: 99, EchoTime: sendTime(h.now),
			Report: &wire.Report{LossPPM: step.loss},
		})
		h.now = h.now.Add(time.Second)
		h.engine.HandleTimeout(h.now)
		if got := h.engine.interleave(o); got != step.width {
			t.Errorf("after a loss of %d ppm at edge %d %d blocks take turns, want %d", step.loss, step.edge, got, step.width)
		}
	}
	at(8, 7)
	at(20, 1)
}
