package sender

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

const ms = time.Millisecond

// harness drives an engine by verbs.
type harness struct {
	t      *testing.T
	engine *Engine
	now    mono.Time
	packet wire.Packet
	beat   wire.Heartbeat
	// counter is that of the last feedback.
	counter uint64
}

func newHarness(t *testing.T, cfg Config) *harness {
	t.Helper()
	cfg.TSI, cfg.Instance = 1, 99
	if cfg.Rate == 0 {
		cfg.Rate = 1_000_000_000
	}
	e, err := New(cfg, rand.New(rand.NewPCG(1, 2)), 0)
	if err != nil {
		t.Fatal(err)
	}
	return &harness{t: t, engine: e}
}

// oti describes an object of some symbols of 100 bytes.
func oti(symbols, k, n int) fec.OTI {
	return fec.OTI{TransferLength: uint64(symbols) * 100, SymbolLength: 100, MaxBlock: uint16(k), MaxSymbols: uint16(n)}
}

func (h *harness) add(o ObjectInfo) {
	h.t.Helper()
	if err := h.engine.Add(h.now, o); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) advance(d time.Duration) {
	h.now = h.now.Add(d)
	h.engine.HandleTimeout(h.now)
}

// ask sends a NACK of an edge that has seen all packets so far.
func (h *harness) ask(toi, sbn uint32, symbols uint16) {
	h.askAt(toi, sbn, symbols, h.engine.sequence-1)
}

func (h *harness) askAt(toi, sbn uint32, symbols uint16, sequence uint32) {
	h.counter++
	h.engine.HandleFeedback(h.now, &wire.Feedback{
		TSI: 1, Edge: 5, Counter: h.counter, Instance: 99, PacketSequence: sequence,
		EchoTime: sendTime(h.now), NACKs: []wire.NACK{{TOI: toi, SBN: sbn, Count: 1, Symbols: symbols}},
	})
}

// next returns the name of the next packet, "" if there is none.
func (h *harness) next() string {
	if !h.engine.NextPacket(h.now, &h.packet) {
		return ""
	}
	switch p := &h.packet; {
	case p.TOI == wire.HeartbeatTOI:
		h.engine.Advertise(h.now, &h.beat)
		return "heartbeat"
	case wire.IsControl(p.TOI):
		return fmt.Sprintf("control %d: %d,%d", p.TOI, p.SBN, p.ESI)
	default:
		return fmt.Sprintf("data %d: %d,%d", p.TOI&^(1<<31), p.SBN, p.ESI)
	}
}

// want checks the names of all packets up to now.
func (h *harness) want(names ...string) {
	h.t.Helper()
	for _, want := range names {
		if got := h.next(); got != want {
			h.t.Fatalf("packet %q, want %q", got, want)
		}
	}
	if got := h.next(); got != "" {
		h.t.Fatalf("packet %q, want none", got)
	}
}

func (h *harness) wantEvent(want Event) {
	h.t.Helper()
	if got, ok := h.engine.NextEvent(); !ok || got != want {
		h.t.Fatalf("event %v %v, want %v", got, ok, want)
	}
}

func (h *harness) wantNoEvent() {
	h.t.Helper()
	if got, ok := h.engine.NextEvent(); ok {
		h.t.Fatalf("event %v, want none", got)
	}
}

// quiet advances without a look at the packets.
func (h *harness) quiet(d time.Duration) {
	h.advance(d)
	for h.next() != "" {
	}
}

func TestControlObjectGoesThreeTimes(t *testing.T) {
	h := newHarness(t, Config{})
	h.want("heartbeat")
	h.quiet(10 * time.Second)
	h.advance(600 * time.Microsecond)
	h.add(ObjectInfo{TOI: 7, OTI: oti(1, 1, 1)})
	h.want("control 7: 0,0", "heartbeat")
	if o := h.beat.Outstanding; len(o) != 1 || o[0] != (wire.Outstanding{TOI: 7, Count: 1, Symbols: 2}) {
		t.Errorf("outstanding %v, want the two copies to come", o)
	}
	h.quiet(4 * ms)
	h.advance(1 * ms)
	h.want("control 7: 0,0")
	h.ask(7, 0, 1) // has missed both copies: the third is an answer
	h.quiet(4 * ms)
	h.advance(1 * ms)
	h.want("control 7: 0,0")
	h.quiet(10 * ms)
	h.ask(7, 0, 1)
	if got := h.next(); got != "control 7: 0,0" {
		t.Errorf("packet %q after an ask", got)
	}
	if s := h.engine.Stats(); s.ControlPacketsSent != 4 || s.AsksMerged != 1 {
		t.Errorf("%+v", s)
	}
}

func TestOneObject(t *testing.T) {
	h := newHarness(t, Config{})
	h.want("heartbeat")
	h.quiet(time.Second)
	h.advance(600 * time.Microsecond)
	toi := wire.DataTOI(3)
	h.add(ObjectInfo{TOI: toi, OTI: oti(6, 3, 5)})
	h.want("data 3: 0,0", "data 3: 1,0", "data 3: 0,1", "data 3: 1,1", "data 3: 0,2", "data 3: 1,2", "heartbeat")
	h.wantEvent(Event{Kind: FirstPassDone, TOI: toi})
	if h.beat.Started != toi || len(h.beat.First) != 0 {
		t.Errorf("heartbeat %+v", h.beat)
	}
	h.advance(100 * time.Microsecond)
	h.ask(toi, 1, 2)
	h.want("data 3: 1,3", "data 3: 1,4")
	h.ask(toi, 1, 1) // n has run out: source symbols again
	h.advance(2 * ms)
	h.want("heartbeat", "data 3: 1,0")
	h.quiet(2 * time.Minute)
	h.quiet(time.Second)
	h.wantEvent(Event{Kind: ObjectForgotten, TOI: toi})
	h.wantNoEvent()
}

func TestEXTFTI(t *testing.T) {
	h := newHarness(t, Config{})
	h.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(4, 4, 12), Proactive: 6})
	h.add(ObjectInfo{TOI: 1, OTI: oti(3, 3, 3)})
	for name := h.next(); name != ""; name = h.next() {
		p := &h.packet
		if p.TOI == wire.HeartbeatTOI {
			continue
		}
		want := wire.IsControl(p.TOI) || p.ESI <= 2 || p.ESI == 4 || p.ESI == 5 || p.ESI == 8
		if p.HasOTI != want || p.HasOTI == (p.OTI == fec.OTI{}) {
			t.Errorf("%s: HasOTI is %v, OTI %v", name, p.HasOTI, p.OTI)
		}
	}
	if s := h.engine.Stats(); s.ProactiveSymbolsSent != 6 || s.ControlPacketsSent != 3 {
		t.Errorf("%+v", s)
	}
}

func TestPriorities(t *testing.T) {
	h := newHarness(t, Config{Rate: 10_000_000})
	toi := wire.DataTOI(1)
	h.add(ObjectInfo{TOI: toi, OTI: oti(5000, 1, 2)})
	for h.next() != "" { // the bucket is dry
	}
	h.ask(toi, 0, 1)
	h.add(ObjectInfo{TOI: 9, OTI: oti(1, 1, 1)})
	if got := h.next(); got != "control 9: 0,0" {
		t.Errorf("packet %q, want the control object without waiting", got)
	}
	h.advance(2 * ms)
	for _, want := range []string{"heartbeat", "data 1: 0,1"} {
		if got := h.next(); got != want {
			t.Errorf("packet %q, want %q", got, want)
		}
	}
}

func TestUnknownObject(t *testing.T) {
	h := newHarness(t, Config{Started: wire.DataTOI(50)})
	h.want("heartbeat")
	toi := wire.DataTOI(40)
	h.askAt(toi, 2, 2, 0)
	h.wantEvent(Event{Kind: ObjectUnknown, TOI: toi})
	h.askAt(toi, 0, 4, 0)
	h.wantNoEvent()
	h.advance(100 * ms)
	h.add(ObjectInfo{TOI: toi, OTI: oti(12, 4, 6), Sent: true})
	for _, want := range []string{"heartbeat", "data 40: 2,4", "data 40: 2,5", "data 40: 0,0", "data 40: 0,1", "data 40: 0,2", "data 40: 0,3"} {
		if got := h.next(); got != want {
			t.Fatalf("packet %q, want %q", got, want)
		}
	}
	h.wantNoEvent()
}

// TestAskBeforeTheEnd checks that nothing is added for an edge that has not seen the first pass.
func TestAskBeforeTheEnd(t *testing.T) {
	h := newHarness(t, Config{})
	toi := wire.DataTOI(1)
	start := h.engine.sequence
	h.add(ObjectInfo{TOI: toi, OTI: oti(3, 3, 6)})
	h.askAt(toi, 0, 3, start)
	for h.next() != "" {
	}
	h.askAt(toi, 0, 3, start+1)
	h.askAt(toi, 0, wire.NeedAll, start+2)
	h.askAt(toi, 7, 1, start+3)
	if s := h.engine.Stats(); s.RepairQueue != 0 || s.AsksMerged != 3 || s.AsksInvalid != 1 {
		t.Errorf("%+v", s)
	}
}

func TestAddErrors(t *testing.T) {
	h := newHarness(t, Config{MaxObjects: 2})
	for _, bad := range []ObjectInfo{
		{TOI: 0, OTI: oti(1, 1, 1)}, {TOI: 1 << 31, OTI: oti(1, 1, 1)}, {TOI: 1}, {TOI: 1, OTI: oti(2, 1, 1)}, {TOI: 1, OTI: oti(0, 1, 1)},
	} {
		if err := h.engine.Add(0, bad); !errors.Is(err, ErrObject) {
			t.Errorf("Add(%+v) = %v", bad, err)
		}
	}
	h.add(ObjectInfo{TOI: 1, OTI: oti(1, 1, 1)})
	if err := h.engine.Add(0, ObjectInfo{TOI: 1, OTI: oti(1, 1, 1)}); err != ErrExists {
		t.Errorf("added twice: %v", err)
	}
	h.add(ObjectInfo{TOI: wire.DataTOI(1), OTI: oti(10, 1, 1)})
	if err := h.engine.Add(0, ObjectInfo{TOI: 2, OTI: oti(1, 1, 1)}); err != ErrFull {
		t.Errorf("added a third: %v", err)
	}
	h.quiet(20 * ms)
	h.quiet(20 * ms)
	for range 2 {
		h.engine.NextEvent()
	}
	h.add(ObjectInfo{TOI: 2, OTI: oti(1, 1, 1)})
	h.wantEvent(Event{Kind: ObjectForgotten, TOI: wire.DataTOI(1)}) // the copies of 1 came later
}

func TestConfig(t *testing.T) {
	for _, bad := range []Config{{}, {Rate: 1e6, PacketOverhead: -1}, {Rate: 1e6, MaxObjects: -1}, {Rate: 1e6, Started: 5}, {Rate: 1}} {
		if _, err := New(bad, rand.New(rand.NewPCG(1, 1)), 0); !errors.Is(err, ErrConfig) {
			t.Errorf("New(%+v) = %v", bad, err)
		}
	}
}

func TestCancel(t *testing.T) {
	h := newHarness(t, Config{Rate: 1_000_000})
	toi := wire.DataTOI(1)
	h.add(ObjectInfo{TOI: toi, OTI: oti(10_000, 10, 20)})
	h.add(ObjectInfo{TOI: 3, OTI: oti(1, 1, 1)})
	for h.next() != "" {
	}
	h.ask(toi, 0, 5)
	h.engine.Cancel(h.now, toi)
	h.engine.Cancel(h.now, 3)
	h.engine.Cancel(h.now, 4)
	h.quiet(time.Second)
	before := h.engine.Stats()
	h.quiet(time.Second)
	h.quiet(time.Second)
	after := h.engine.Stats()
	if after.PacketsSent-before.PacketsSent != after.HeartbeatsSent-before.HeartbeatsSent || after.Objects != 0 || after.RepairQueue != 0 {
		t.Errorf("%+v", after)
	}
	h.wantNoEvent()
}

func TestPositionsOfObjectsAddedOutOfOrder(t *testing.T) {
	h := newHarness(t, Config{Rate: 1_000_000})
	h.add(ObjectInfo{TOI: wire.DataTOI(9), OTI: oti(1000, 10, 20)})
	h.add(ObjectInfo{TOI: wire.DataTOI(4), OTI: oti(1000, 10, 20)})
	h.add(ObjectInfo{TOI: wire.DataTOI(10), OTI: oti(1000, 10, 20)})
	for h.next() != "" {
	}
	h.engine.Advertise(h.now, &h.beat)
	if f := h.beat.First; h.beat.Started != wire.DataTOI(10) || len(f) != 3 || len(h.beat.Waiting) != 0 {
		t.Errorf("started %d, positions %v, waiting %v", h.beat.Started, f, h.beat.Waiting)
	}
}
