package sender

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// drain returns the sequences of the objects of the next packets, heartbeats left out.
func (h *harness) drain(packets int) (list []int) {
	h.t.Helper()
	for len(list) < packets {
		if h.next() == "" {
			h.t.Fatalf("no packet after %d", len(list))
		}
		if toi := h.packet.TOI; wire.IsData(toi) {
			list = append(list, int(toi&^(1<<31)))
		}
	}
	return list
}

// count returns how often each sequence is in a list.
func count(list []int) map[int]int {
	counts := make(map[int]int)
	for _, x := range list {
		counts[x]++
	}
	return counts
}

// fast is a rate at which the bucket is never empty in a test at one instant.
const fast = 800_000_000_000

func TestFairShares(t *testing.T) {
	h := newHarness(t, Config{Rate: fast})
	h.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(100_000, 100, 200)})
	h.drain(5000)
	h.add(ObjectInfo{TOI: wire.DataTOI(2), OTI: fec.OTI{TransferLength: 5_000_000, SymbolLength: 500, MaxBlock: 100, MaxSymbols: 200}})
	got := count(h.drain(6000))
	if bytes := []int{got[1] * 100, got[2] * 500}; math.Abs(float64(bytes[0]-bytes[1])) > turnBytes+500 {
		t.Errorf("two objects got %d bytes", bytes)
	}
}

// A small object does not wait for large ones, however many there are.
func TestSmallBeforeLarge(t *testing.T) {
	h := newHarness(t, Config{Rate: fast})
	for n := range uint64(10) {
		h.add(ObjectInfo{TOI: wire.DataTOI(n + 1), OTI: oti(10_000, 100, 200)})
	}
	h.drain(2000)
	h.add(ObjectInfo{TOI: wire.DataTOI(11), OTI: oti(100, 100, 200)})
	got := count(h.drain(4*turnBytes/100 + 100))
	if got[11] != 100 {
		t.Errorf("%d of 100 symbols were sent", got[11])
	}
	h.engine.Advertise(h.now, &h.beat)
	// The object that gave way is not claimed as sent, nor are those that never ran.
	if w := h.beat.Waiting; len(w) != 1 || w[0] != (wire.TOIRange{First: wire.DataTOI(5), Last: wire.DataTOI(10)}) {
		t.Errorf("waiting %v", w)
	}
	if len(h.beat.First) != 4 || h.beat.Started != wire.DataTOI(11) {
		t.Errorf("heartbeat %+v", h.beat)
	}
}

// An object that is suspended again and again for smaller ones becomes the oldest some day.
func TestLargeIsNotStarved(t *testing.T) {
	h := newHarness(t, Config{Rate: fast})
	h.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(20_000, 100, 200)})
	sent, small := 0, uint64(2)
	for range 4000 {
		for h.engine.Stats().Objects < 20 { // always more than anyone can send
			h.add(ObjectInfo{TOI: wire.DataTOI(small), OTI: oti(10, 10, 20)})
			small++
		}
		sent += count(h.drain(20))[1]
		for e, ok := h.engine.NextEvent(); ok; e, ok = h.engine.NextEvent() {
			h.engine.Cancel(h.now, e.TOI)
		}
	}
	if sent < 20_000 {
		t.Errorf("the large object had %d symbols sent", sent)
	}
}

func TestLowerClassesKeepAShare(t *testing.T) {
	h := newHarness(t, Config{Rate: fast})
	for i, p := range []Priority{Background, Normal, Urgent} {
		h.add(ObjectInfo{TOI: wire.DataTOI(uint64(i + 1)), OTI: oti(100_000, 100, 200), Priority: p})
	}
	got := count(h.drain(10_000))
	for sequence, want := range map[int]float64{1: 10_000. / 52, 2: 10_000. / 52, 3: 10_000 * 50 / 52.} {
		if math.Abs(float64(got[sequence])-want) > dueBytes/100+want/50 {
			t.Errorf("object %d had %d symbols sent, want about %.0f", sequence, got[sequence], want)
		}
	}
}

func TestRepairsByClass(t *testing.T) {
	h := newHarness(t, Config{Rate: fast})
	for i, p := range []Priority{Background, Normal, Urgent} {
		h.add(ObjectInfo{TOI: wire.DataTOI(uint64(i + 1)), OTI: oti(200, 100, 255), Priority: p})
	}
	h.drain(600)
	h.ask(wire.DataTOI(1), 0, 2)
	h.ask(wire.DataTOI(2), 0, 2)
	h.ask(wire.DataTOI(3), 0, 2)
	h.add(ObjectInfo{TOI: wire.DataTOI(4), OTI: oti(2, 2, 2)})
	if got := h.drain(8); !slices.Equal(got, []int{3, 3, 2, 2, 4, 4, 1, 1}) {
		t.Errorf("order %v", got)
	}
}

// New data has a share, however much is asked for.
func TestRepairsLeaveAShareToNewData(t *testing.T) {
	h := newHarness(t, Config{Rate: fast})
	h.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(10_000, 100, 255)})
	h.drain(10_000)
	h.add(ObjectInfo{TOI: wire.DataTOI(2), OTI: oti(10_000, 100, 255)})
	for sbn := range uint32(100) {
		h.ask(wire.DataTOI(1), sbn, 50)
	}
	got := count(h.drain(3400))
	if want := 3400. / (newParts + 1); math.Abs(float64(got[2])-want) > 20 {
		t.Errorf("%d symbols of new data, want about %.0f", got[2], want)
	}
}

// world is what a test of any sequence of steps knows by itself.
type world struct {
	*harness
	t       *rapid.T
	tracked map[uint32]*tracked
	next    uint64 // sequence of the next object
	passed  [classCount]float64
}

type tracked struct {
	ObjectInfo
	part fec.Partition
	sent map[[2]int]int // by SBN and ESI
	done bool
}

// working reports whether a class has anything to send, by the engine's own tables.
func (w *world) working(rank int) bool {
	return len(w.engine.schedule.classes[rank].running) > 0 || w.engine.repairs.next(rank) != nil
}

// pump takes some packets and checks each.
func (w *world) pump(packets int) {
	for range packets {
		var had [classCount]bool
		for r := range had {
			had[r] = w.working(r)
		}
		if !w.engine.NextPacket(w.now, &w.packet) {
			w.events()
			for r := range had {
				if had[r] {
					w.t.Fatalf("class %d has something to send, and nothing is sent", r)
				}
			}
			return
		}
		if w.packet.TOI == wire.HeartbeatTOI {
			w.engine.Advertise(w.now, &w.beat)
			w.checkClaims()
			continue
		}
		o := w.tracked[w.packet.TOI]
		w.checkOrder(o.Priority.rank(), had, int(o.OTI.SymbolLength))
		if !o.done {
			o.sent[[2]int{int(w.packet.SBN), int(w.packet.ESI)}]++
		}
		w.events()
		w.checkPlaces()
	}
}

// checkOrder checks that a class that goes before a higher one only takes its share, and gets it.
func (w *world) checkOrder(rank int, had [classCount]bool, bytes int) {
	higher := slices.Contains(had[:rank], true)
	for r := range had {
		switch {
		case !had[r]:
			w.passed[r] = min(w.passed[r], 0)
		case r > rank:
			w.passed[r] += float64(bytes) / lowerParts
		case r == rank && higher && w.passed[r] < dueBytes:
			w.t.Fatalf("class %d goes before a higher one, though due %.0f bytes only", r, w.passed[r])
		case r == rank && higher:
			w.passed[r] -= float64(bytes)
		}
	}
	for r, due := range w.passed {
		if due > dueBytes+3*1000 {
			w.t.Fatalf("class %d is due %.0f bytes", r, due)
		}
	}
}

// checkPlaces checks who runs: the oldest, and nobody for whom a smaller one waits.
func (w *world) checkPlaces() {
	for rank := range w.engine.schedule.classes {
		c := &w.engine.schedule.classes[rank]
		if len(c.running) > c.places || len(c.waiting) > 0 && len(c.running) < c.places {
			w.t.Fatalf("class %d: %d run, %d wait", rank, len(c.running), len(c.waiting))
		}
		oldest := c.oldest()
		for _, x := range c.waiting {
			if x == oldest {
				w.t.Fatalf("class %d: the oldest object waits", rank)
			}
			for _, r := range c.running {
				if r != oldest && r.left > x.left {
					w.t.Fatalf("class %d: an object with %d bytes left waits for one with %d", rank, x.left, r.left)
				}
			}
		}
	}
}

// checkClaims checks that heartbeats say of nothing that it was sent if it was not.
func (w *world) checkClaims() {
	h := &w.beat
	if len(h.First) > wire.MaxPositions || len(h.Waiting) > wire.MaxWaiting {
		w.t.Fatalf("%d positions, %d ranges", len(h.First), len(h.Waiting))
	}
	for toi, o := range w.tracked {
		claimed := uint32(0)
		if i := slices.IndexFunc(h.First, func(p wire.Position) bool { return p.TOI == toi }); i >= 0 {
			claimed = h.First[i].SBN
		} else if h.Started != 0 && !newer(toi, h.Started) && !within(h.Waiting, toi) {
			claimed = math.MaxUint32
		}
		for sbn := range min(claimed, o.part.Blocks()) {
			for i := range o.part.SourceSymbols(sbn) {
				if !o.done && o.sent[[2]int{int(sbn), (o.Start + i) % int(o.OTI.MaxSymbols)}] == 0 {
					w.t.Fatalf("object %d: symbol %d of block %d is claimed as sent: %+v", toi, i, sbn, h)
				}
			}
		}
	}
}

// events checks the first passes that are over: every symbol once.
func (w *world) events() {
	for e, ok := w.engine.NextEvent(); ok; e, ok = w.engine.NextEvent() {
		o := w.tracked[e.TOI]
		if e.Kind != FirstPassDone {
			continue
		}
		if o == nil || o.done {
			w.t.Fatalf("%v: the pass of %d is over a second time", e, e.TOI)
		}
		o.done = true
		total := 0
		for sbn := range o.part.Blocks() {
			turns := o.part.SourceSymbols(sbn) + min(o.Proactive, int(o.OTI.MaxSymbols)-o.part.SourceSymbols(sbn))
			total += turns
			for i := range turns {
				if n := o.sent[[2]int{int(sbn), (o.Start + i) % int(o.OTI.MaxSymbols)}]; n < 1 {
					w.t.Fatalf("object %d: symbol %d of block %d was sent %d times", e.TOI, i, sbn, n)
				}
			}
		}
		// Repairs of blocks behind the first pass are fresh symbols, so that there are no others.
		for name, n := range o.sent {
			if n > 1 {
				w.t.Fatalf("object %d: symbol %d was sent %d times", e.TOI, name, n)
			}
		}
		if len(o.sent) < total {
			w.t.Fatalf("object %d: %d symbols of %d", e.TOI, len(o.sent), total)
		}
		o.sent = nil
	}
}

func TestScheduleOfAnySequence(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{harness: newHarness(t, Config{Rate: fast}), t: rt, tracked: make(map[uint32]*tracked), next: 1}
		if rapid.Bool().Draw(rt, "wraps") {
			w.next = 1<<31 - 10
		}
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(rt *rapid.T) {
				w.next += uint64(rapid.IntRange(1, 3).Draw(rt, "step"))
				k := rapid.IntRange(1, 8).Draw(rt, "k")
				o := &tracked{sent: make(map[[2]int]int), ObjectInfo: ObjectInfo{
					TOI: wire.DataTOI(w.next),
					OTI: fec.OTI{
						TransferLength: uint64(rapid.IntRange(0, 60_000).Draw(rt, "length")),
						SymbolLength:   uint16(rapid.SampledFrom([]int{100, 1000}).Draw(rt, "E")), MaxBlock: uint16(k), MaxSymbols: 255,
					},
					Priority: Priority(rapid.IntRange(0, 2).Draw(rt, "priority")), Proactive: rapid.IntRange(0, 2).Draw(rt, "proactive"),
					Start: rapid.SampledFrom([]int{0, 0, 7}).Draw(rt, "start"),
				}}
				o.part, _ = o.OTI.Partition()
				w.tracked[o.TOI] = o
				w.add(o.ObjectInfo)
				w.events() // one without blocks is over at once
			},
			"send":      func(rt *rapid.T) { w.pump(rapid.IntRange(1, 300).Draw(rt, "packets")) },
			"heartbeat": func(*rapid.T) { w.engine.Advertise(w.now, &w.beat); w.checkClaims() },
			"wait":      func(*rapid.T) { w.advance(3 * ms) },
			"ask": func(rt *rapid.T) {
				if toi, ok := w.any(rt); ok {
					w.ask(toi, uint32(rapid.IntRange(0, 4).Draw(rt, "block")), uint16(rapid.IntRange(1, 8).Draw(rt, "need")))
				}
			},
			"cancel": func(rt *rapid.T) {
				if toi, ok := w.any(rt); ok {
					w.engine.Cancel(w.now, toi)
					delete(w.tracked, toi)
				}
			},
		})
		w.events()
		for i := 0; w.engine.schedule.passing(); i++ {
			if w.pump(1000); i > 1000 {
				rt.Fatal("first passes do not come to an end")
			}
			w.advance(time.Millisecond)
		}
		w.events()
		for toi, o := range w.tracked {
			if !o.done {
				rt.Fatalf("the first pass of object %d was not over", toi)
			}
		}
	})
}

// any draws one of the objects.
func (w *world) any(rt *rapid.T) (toi uint32, ok bool) {
	if len(w.tracked) == 0 {
		return 0, false
	}
	var list []uint32
	for toi := range w.tracked {
		list = append(list, toi)
	}
	slices.Sort(list)
	return rapid.SampledFrom(list).Draw(rt, "object"), true
}

func TestWithhold(t *testing.T) {
	h := newHarness(t, Config{Rate: fast})
	h.engine.Withhold(wire.DataTOI(2), wire.DataTOI(7))
	h.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(1, 1, 1)})
	h.add(ObjectInfo{TOI: wire.DataTOI(5), OTI: oti(1, 1, 1), Priority: Urgent})
	h.drain(2)
	h.engine.Advertise(h.now, &h.beat)
	if got, want := fmt.Sprint(h.beat.Waiting), fmt.Sprint([]wire.TOIRange{{First: wire.DataTOI(2), Last: wire.DataTOI(5)}}); got != want {
		t.Errorf("waiting %s, want %s", got, want)
	}
	// What was sent is said by name, since the range covers it.
	if f := h.beat.First; len(f) != 1 || f[0] != (wire.Position{TOI: wire.DataTOI(5), SBN: 1}) {
		t.Errorf("positions %v", f)
	}
	h.engine.Withhold(0, 0)
	if h.engine.Advertise(h.now, &h.beat); len(h.beat.Waiting) != 0 {
		t.Errorf("waiting %v", h.beat.Waiting)
	}
}

// Only the smallest gaps between objects that wait are closed.
func TestWaitingRangesAreFew(t *testing.T) {
	h := newHarness(t, Config{Rate: fast})
	sequences := []uint64{1, 2, 3, 4, 10, 11, 13, 30, 33, 60, 61, 90, 150}
	for _, s := range sequences {
		h.add(ObjectInfo{TOI: wire.DataTOI(s), OTI: oti(1000, 10, 20)})
	}
	h.add(ObjectInfo{TOI: wire.DataTOI(200), OTI: oti(1, 1, 1), Priority: Urgent})
	h.drain(1)
	h.engine.Advertise(h.now, &h.beat)
	want := []wire.TOIRange{}
	for _, r := range [][2]uint64{{10, 33}, {60, 61}, {90, 90}, {150, 150}} {
		want = append(want, wire.TOIRange{First: wire.DataTOI(r[0]), Last: wire.DataTOI(r[1])})
	}
	if !slices.Equal(h.beat.Waiting, want) {
		t.Errorf("waiting %v, want %v", h.beat.Waiting, want)
	}
}

func TestSettleForgetsMarksOfSuspended(t *testing.T) {
	h := newHarness(t, Config{Rate: fast})
	h.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(10_000, 10, 20)})
	h.drain(1000)
	o := h.engine.objects.table[wire.DataTOI(1)]
	old := h.engine.sequence
	h.engine.schedule.classes[Normal.rank()].suspend(0)
	h.now += mono.Time(repairKeep)
	h.advance(time.Second)
	if len(o.pass.marks) != 0 || !o.pass.ended(0, old-1<<31-1) {
		t.Error("a block that was sent long ago counts as not sent")
	}
}
