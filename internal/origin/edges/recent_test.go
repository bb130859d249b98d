package edges

import (
	"math"
	"testing"
	"time"

	"fanfare/fec"
	"fanfare/internal/api"
	"fanfare/internal/wire"
)

func TestRecent(t *testing.T) {
	type report struct {
		at                    int // seconds
		received, lost, drops uint64
		want                  api.Packets
	}
	tests := []struct {
		name    string
		reports []report
	}{
		{"what was before the first report is not recent", []report{
			{0, 1000, 500, 400, api.Packets{}},
			{10, 1100, 510, 401, api.Packets{Seconds: 10, Received: 100, Lost: 10, SocketDrops: 1}},
		}},
		{"what is older than a minute is forgotten", []report{
			{0, 0, 0, 0, api.Packets{}},
			{20, 90, 10, 0, api.Packets{Seconds: 20, Received: 90, Lost: 10}},
			{40, 190, 10, 0, api.Packets{Seconds: 40, Received: 190, Lost: 10}},
			{60, 290, 10, 0, api.Packets{Seconds: 60, Received: 290, Lost: 10}},
			{80, 390, 10, 0, api.Packets{Seconds: 40, Received: 200}},
			{100, 490, 10, 0, api.Packets{Seconds: 60, Received: 300}},
		}},
		{"reports come rarely", []report{
			{0, 0, 0, 0, api.Packets{}},
			{100, 90, 10, 0, api.Packets{Seconds: 100, Received: 90, Lost: 10}},
			{200, 190, 10, 0, api.Packets{Seconds: 100, Received: 100}},
		}},
		{"it was started again", []report{
			{0, 1000, 500, 400, api.Packets{}},
			{20, 50, 5, 0, api.Packets{Seconds: 20, Received: 50, Lost: 5}},
			{25, 60, 6, 0, api.Packets{Seconds: 25, Received: 60, Lost: 6}},
		}},
		{"lost packets come late", []report{
			{0, 100, 10, 0, api.Packets{}},
			{1, 110, 2, 0, api.Packets{Seconds: 1, Received: 10}},
		}},
		{"nonsense", []report{
			{0, math.MaxUint64, math.MaxUint64, 0, api.Packets{}},
			{1, 0, 0, math.MaxUint64, api.Packets{Seconds: 1, SocketDrops: math.MaxUint64}},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var r recent
			for i, x := range test.reports {
				r.note(time.Unix(int64(1000+x.at), 0), &wire.Report{PacketsReceived: x.received, PacketsLost: x.lost, SocketDrops: x.drops})
				if got := r.packets(); got != x.want {
					t.Errorf("report %d: %+v, want %+v", i, got, x.want)
				}
			}
		})
	}
}

// How far behind an edge is, is said only if it is known; and whether it is ahead.
func TestBehind(t *testing.T) {
	now := time.Unix(1000, 0)
	saved := map[uint64]Saved{1: {Name: "never heard", LastSeen: now}}
	tests := []struct {
		name   string
		stands Standing
		report wire.Report
		want   api.Edge
	}{
		{"behind", Follows, wire.Report{Mark: 3, Newest: 3, Complete: 3}, api.Edge{Behind: 2}},
		{"in step", Follows, wire.Report{Mark: 5, Newest: 5, Complete: 5}, api.Edge{}},
		{"ahead, and its catalogue follows", KnowsMore, wire.Report{Mark: 4, Newest: 9, Complete: 4}, api.Edge{Behind: 1, Ahead: 4}},
		{"ahead", Strays, wire.Report{Mark: 9, Newest: 9, Complete: 9}, api.Edge{Unknown: true, Ahead: 4}},
		{"on another log", Strays, wire.Report{Mark: 3, Newest: 3, Complete: 3}, api.Edge{Unknown: true}},
		{"not judged", Unjudged, wire.Report{Mark: 9, Newest: 9, Complete: 9}, api.Edge{Behind: 5}},
	}
	for _, test := range tests {
		table := New(testGeneration, saved, func() {}, testTable().log)
		test.report.Name, test.report.GenerationOrder, test.report.GenerationRandom = "e", testGeneration.Order, testGeneration.Random
		test.report.PacketsReceived = 100
		for counter := range 2 {
			table.Heard(now.Add(time.Duration(counter)*time.Second), &wire.Feedback{Edge: 2, Counter: uint64(counter + 1), Report: &test.report}, test.stands, 0, aliveFor)
			test.report.PacketsReceived += 10
		}
		status := table.Status(now.Add(time.Second), 5, 5, [32]byte{}, func(uint64) (fec.OTI, bool) { return fec.OTI{}, false })
		if e := status[0]; e.Name != "never heard" || !e.Unknown || e.Behind != 0 || e.Recent != (api.Packets{}) {
			t.Errorf("%s: %+v", test.name, e)
		}
		if e := status[1]; e.Behind != test.want.Behind || e.Ahead != test.want.Ahead || e.Unknown != test.want.Unknown || e.Recent.Received != 10 {
			t.Errorf("%s: %+v", test.name, e)
		}
		later := table.Status(now.Add(time.Hour), 5, 5, [32]byte{}, func(uint64) (fec.OTI, bool) { return fec.OTI{}, false })
		if later[0].Recent != (api.Packets{}) || later[1].Recent != (api.Packets{}) {
			t.Errorf("%s: recent after an hour: %+v", test.name, later)
		}
	}
}
