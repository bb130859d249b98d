package receiver

import (
	"testing"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// backlogs drains feedback and returns the messages that tell of nothing but the backlog.
func (h *harness) backlogs() (list []wire.Feedback) {
	for _, ok := h.engine.NextEvent(); ok; _, ok = h.engine.NextEvent() {
	}
	for h.engine.NextFeedback(h.now, &h.message) {
		if m := h.message; m.Report == nil && len(m.NACKs) == 0 {
			list = append(list, m)
		}
	}
	return list
}

// TestBacklogTold checks when the sender is told of a backlog: at once, then every few
// milliseconds, and when it is over.
func TestBacklogTold(t *testing.T) {
	for _, test := range []struct {
		name     string
		beat     wire.Heartbeat
		interval time.Duration
	}{
		{"as soon as news may be", wire.Heartbeat{Edges: 4, GRTT: ms, ReportInterval: ms}, newsInterval},
		{"as the budget allows", wire.Heartbeat{Edges: 4, GRTT: ms, ReportInterval: 40 * ms}, 40 * ms},
		{"a few times in a round trip", wire.Heartbeat{Edges: 4, GRTT: 400 * ms, ReportInterval: ms}, 100 * ms},
	} {
		h := newHarness(t, Config{})
		h.engine.Backlog(h.now, 200, 0)
		if h.engine.NextTimeout() <= h.now || len(h.backlogs()) > 0 {
			t.Errorf("%s: told before the sender was heard", test.name)
		}
		h.engine.Backlog(h.now, 0, 0)
		h.heartbeat(test.beat)
		h.advance(time.Second)
		h.backlogs() // the first report
		for i, share := range []uint8{1, wire.BacklogLeast - 1, wire.BacklogLeast, 200, 201, 5, 4} {
			h.engine.Backlog(h.now, share, 0)
			got := h.backlogs()
			wanted := i >= 2 && i <= 5
			if wanted != (len(got) == 1) || wanted && got[0].Backlog != share {
				t.Errorf("%s: with a backlog of %d: %+v", test.name, share, got)
			}
			if wanted && i < 5 {
				if due := h.engine.NextTimeout(); due != h.now.Add(test.interval) {
					t.Errorf("%s: told again after %v, want %v", test.name, due.Sub(h.now), test.interval)
				}
				h.engine.Backlog(h.now, 255, 0)
				if len(h.backlogs()) > 0 {
					t.Errorf("%s: told twice at one time", test.name)
				}
			}
			h.advance(test.interval)
		}
		if h.engine.Stats().BacklogsSent != 4 {
			t.Errorf("%s: counted %d", test.name, h.engine.Stats().BacklogsSent)
		}
	}
}

// TestBacklogInLargeGroups checks that reports tell of it there, and nothing else does.
func TestBacklogInLargeGroups(t *testing.T) {
	h := newHarness(t, Config{})
	h.heartbeat(wire.Heartbeat{Edges: wire.BackoffGroup + 1, ReportInterval: time.Second})
	h.engine.Backlog(h.now, 200, 0)
	reports := 0
	for range 100 {
		h.advance(50 * ms)
		for h.engine.NextFeedback(h.now, &h.message) {
			if h.message.Report == nil || h.message.Backlog != 200 {
				t.Fatalf("sent %+v", h.message)
			}
			reports++
		}
	}
	if reports < 2 {
		t.Errorf("%d reports", reports)
	}
}

// TestBacklogOneWay checks that nothing is told without a return path.
func TestBacklogOneWay(t *testing.T) {
	h := newHarness(t, Config{OneWay: true})
	h.heartbeat(wire.Heartbeat{Edges: 1})
	h.engine.Backlog(h.now, 255, 0)
	if len(h.backlogs()) > 0 || h.engine.NextTimeout() <= h.now {
		t.Error("told all the same")
	}
}

// TestIntake checks that the intake is measured while there is something to take in only.
func TestIntake(t *testing.T) {
	var b backlog
	var now mono.Time
	var bytes uint64
	var f wire.Feedback
	busy := func(share uint8, d time.Duration, n uint64) { // takes in n bytes in a time, and leaves share
		for range d / ms {
			now, bytes = now.Add(ms), bytes+n/uint64(d/ms)
			b.look(now, share, bytes)
		}
		b.tell(now, &f)
	}
	want := func(least, most uint64) {
		t.Helper()
		if f.Intake < least || f.Intake > most {
			t.Errorf("after %v an intake of %d, want %d to %d", now.Sub(0), f.Intake, least, most)
		}
	}
	busy(0, 100*ms, 1_000_000)
	busy(100, ms, 1000)
	want(0, 0) // not known yet
	busy(100, 10*ms, 100_000)
	want(70_000_000, 80_000_001)
	busy(100, 100*ms, 2_000_000)
	want(158_000_000, 160_000_000)
	busy(20, 10*ms, 200_000)
	want(0, 0) // nobody wants to know
	busy(0, 50*ms, 0)
	busy(100, ms, 0)
	want(158_000_000, 160_000_000) // waiting for packets does not count
	busy(0, 200*ms, 0)
	busy(100, ms, 0)
	want(0, 0) // too long ago
}
