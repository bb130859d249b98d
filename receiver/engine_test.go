package receiver

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// harness drives an engine by verbs. It plays the sender's numbering too.
type harness struct {
	t        *testing.T
	engine   *Engine
	now      mono.Time
	sequence uint32
	instance uint64
	message  wire.Feedback
}

func newHarness(t *testing.T, cfg Config) *harness {
	t.Helper()
	cfg.TSI, cfg.Edge = 1, 5
	e, err := New(cfg, rand.New(rand.NewPCG(1, 2)), 0)
	if err != nil {
		t.Fatal(err)
	}
	return &harness{t: t, engine: e, instance: 99, sequence: 1000}
}

// oti describes an object of some symbols of 100 bytes.
func oti(symbols, k, n int) fec.OTI {
	return fec.OTI{TransferLength: uint64(symbols) * 100, SymbolLength: 100, MaxBlock: uint16(k), MaxSymbols: uint16(n)}
}

func (h *harness) advance(d time.Duration) {
	h.now = h.now.Add(d)
	h.engine.HandleTimeout(h.now)
}

func (h *harness) expect(o ObjectInfo) {
	h.t.Helper()
	if err := h.engine.Expect(h.now, o); err != nil {
		h.t.Fatal(err)
	}
}

// lose lets the sender send a packet that does not arrive.
func (h *harness) lose() { h.sequence++ }

// packet gives the engine a symbol; withOTI may be nil.
func (h *harness) packet(toi, sbn uint32, k, esi int, withOTI *fec.OTI) (keep bool) {
	h.sequence++
	p := wire.Packet{TSI: 1, TOI: toi, PacketSequence: h.sequence, SendTime: uint32(h.now / 1000),
		SBN: sbn, SourceBlockLength: uint16(k), ESI: uint16(esi)}
	if withOTI != nil {
		p.HasOTI, p.OTI = true, *withOTI
	}
	return h.engine.HandlePacket(h.now, &p)
}

// symbols gives the engine several symbols of a block, all of which it must keep.
func (h *harness) symbols(toi, sbn uint32, k int, esis ...int) {
	h.t.Helper()
	for _, esi := range esis {
		if !h.packet(toi, sbn, k, esi, nil) {
			h.t.Fatalf("symbol %d of block %d was not kept", esi, sbn)
		}
	}
}

func (h *harness) heartbeat(beat wire.Heartbeat) {
	h.sequence++
	beat.Instance = h.instance
	h.engine.HandleHeartbeat(h.now, &wire.Packet{TSI: 1, PacketSequence: h.sequence, SendTime: uint32(h.now / 1000)}, &beat)
}

// wantNACKs drains feedback, reports apart, and checks what was asked for.
func (h *harness) wantNACKs(want ...wire.NACK) {
	h.t.Helper()
	var got []wire.NACK
	for h.engine.NextFeedback(h.now, &h.message) {
		got = append(got, h.message.NACKs...)
		if len(h.message.NACKs) > 0 && h.message.PacketSequence != h.engine.loss.highest {
			h.t.Errorf("says it has seen %d", h.message.PacketSequence)
		}
	}
	if !slices.Equal(got, want) {
		h.t.Fatalf("asked for %v, want %v", got, want)
	}
	if at := h.engine.NextTimeout(); at <= h.now && !h.engine.events.waiting() {
		h.t.Fatalf("wants to be called again at once")
	}
}

// wantEvents checks all events, and answers BlockReady with a good result.
func (h *harness) wantEvents(want ...Event) {
	h.t.Helper()
	var got []Event
	for ev, ok := h.engine.NextEvent(); ok; ev, ok = h.engine.NextEvent() {
		got = append(got, ev)
		if ev.Kind == BlockReady {
			h.engine.HandleResult(h.now, ev, nil)
		}
	}
	if !slices.Equal(got, want) {
		h.t.Fatalf("events %v, want %v", got, want)
	}
}

// TestStory is the example of the package comment.
func TestStory(t *testing.T) {
	h := newHarness(t, Config{})
	toi := wire.DataTOI(3)
	h.heartbeat(wire.Heartbeat{GRTT: 20 * ms, Edges: 3})
	h.wantEvents(Event{Kind: SenderHeard})
	h.advance(time.Second)
	h.wantNACKs() // the first report
	o := oti(40*200, 200, 255)
	h.expect(ObjectInfo{TOI: toi, OTI: o, Whole: []BlockRange{{0, 7}}})
	for esi := range 200 {
		if esi == 50 || esi == 60 {
			h.lose()
			continue
		}
		h.symbols(toi, 7, 200, esi)
	}
	h.wantNACKs()
	first := []wire.Position{{TOI: toi, SBN: 8}}
	h.heartbeat(wire.Heartbeat{GRTT: 20 * ms, Edges: 3, Started: toi, First: first})
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 7, Count: 1, Symbols: 2})
	asked := h.engine.counter
	h.advance(5 * ms)
	h.heartbeat(wire.Heartbeat{GRTT: 20 * ms, Edges: 3, Started: toi, First: first})
	h.wantNACKs()
	h.advance(15 * ms)
	h.heartbeat(wire.Heartbeat{GRTT: 20 * ms, Edges: 3, Started: toi, First: first, Outstanding: []wire.Outstanding{{TOI: toi, SBN: 7, Count: 1, Symbols: 2}}})
	h.symbols(toi, 7, 200, 200)
	h.lose()
	h.advance(ms)
	h.heartbeat(wire.Heartbeat{GRTT: 20 * ms, Edges: 3, Started: toi, First: first, Echoes: []wire.Echo{{Edge: 5, Counter: asked, Held: ms}}})
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 7, Count: 1, Symbols: 2})
	h.advance(20 * ms)
	h.symbols(toi, 7, 200, 202)
	h.wantEvents(Event{Kind: BlockReady, TOI: toi, SBN: 7})
	if h.packet(toi, 7, 200, 203, nil) {
		t.Error("kept a symbol of a whole block")
	}
	h.wantNACKs()
	s := h.engine.Stats()
	if s.RTT != 20*ms || s.NACKsSent != 2 || s.BlocksDecoded != 1 || s.SymbolsUnneeded != 1 || s.PacketsLost != 3 || s.OpenBlocks != 0 {
		t.Errorf("%+v", s)
	}
}

func TestObjectBeforeItsEntry(t *testing.T) {
	h := newHarness(t, Config{MaxUnexpected: 1})
	toi, o := wire.DataTOI(1), oti(3, 3, 6)
	if h.packet(toi, 0, 3, 2, nil) {
		t.Error("kept a symbol of an object without OTI")
	}
	if !h.packet(toi, 0, 3, 0, &o) || h.packet(wire.DataTOI(2), 0, 3, 0, &o) {
		t.Error("wrong symbols kept")
	}
	if info, ok := h.engine.Object(toi); !ok || info.OTI != o {
		t.Errorf("object %+v", info)
	}
	h.symbols(toi, 0, 3, 1, 5)
	h.wantEvents(Event{Kind: SenderHeard}, Event{BlockReady, toi, 0}, Event{Kind: ObjectWhole, TOI: toi})
	if h.packet(toi, 0, 3, 2, &o) {
		t.Error("an object that is whole began anew")
	}
}

func TestUnexpectedObjectIsDropped(t *testing.T) {
	h := newHarness(t, Config{})
	toi, o := wire.DataTOI(1), oti(3, 3, 6)
	h.packet(toi, 0, 3, 0, &o)
	h.heartbeat(wire.Heartbeat{})
	h.advance(unexpectedKeep + 1)
	h.heartbeat(wire.Heartbeat{})
	h.wantEvents(Event{Kind: SenderHeard}, Event{Kind: SenderSilent}, Event{Kind: SenderHeard}, Event{Kind: ObjectDropped, TOI: toi})
}

func TestControlObjectByNumber(t *testing.T) {
	h := newHarness(t, Config{})
	h.heartbeat(wire.Heartbeat{Edges: 1})
	h.wantNACKs()
	h.expect(ObjectInfo{TOI: 8})
	h.heartbeat(wire.Heartbeat{Outstanding: []wire.Outstanding{{TOI: 8, Count: 1, Symbols: 2}}})
	h.wantNACKs() // copies are to come
	h.advance(10 * ms)
	h.heartbeat(wire.Heartbeat{})
	h.wantNACKs(wire.NACK{TOI: 8, Count: 1, Symbols: wire.NeedAll})
	o := oti(2, 2, 4)
	if !h.packet(8, 0, 2, 3, &o) {
		t.Error("symbol not kept")
	}
	h.advance(100 * ms)
	h.heartbeat(wire.Heartbeat{})
	h.wantNACKs(wire.NACK{TOI: 8, Count: 1, Symbols: 2}) // one, and one to be sure
	h.packet(8, 0, 2, 1, &o)
	h.wantEvents(Event{Kind: SenderHeard}, Event{BlockReady, 8, 0}, Event{Kind: ObjectWhole, TOI: 8})
}

func TestExpect(t *testing.T) {
	h := newHarness(t, Config{MaxObjects: 2})
	toi := wire.DataTOI(1)
	for _, bad := range []ObjectInfo{{}, {TOI: toi}, {TOI: 1 << 31}, {TOI: 1, OTI: oti(2, 1, 1)}, {TOI: toi, OTI: fec.OTI{TransferLength: 1}}} {
		if err := h.engine.Expect(0, bad); !errors.Is(err, ErrObject) {
			t.Errorf("Expect(%+v) = %v", bad, err)
		}
	}
	h.expect(ObjectInfo{TOI: toi, OTI: oti(0, 3, 6)})
	h.wantEvents(Event{Kind: ObjectWhole, TOI: toi})
	h.expect(ObjectInfo{TOI: toi, OTI: oti(6, 3, 6)})
	h.symbols(toi, 1, 3, 0)
	h.expect(ObjectInfo{TOI: toi, OTI: oti(6, 3, 6), Whole: []BlockRange{{1, 1}}})
	if n := h.engine.Stats().OpenBlocks; n != 0 {
		t.Errorf("%d open blocks", n)
	}
	h.expect(ObjectInfo{TOI: toi, OTI: oti(9, 3, 6)}) // another object: begins anew
	h.expect(ObjectInfo{TOI: 5})
	if err := h.engine.Expect(0, ObjectInfo{TOI: 6}); err != ErrFull {
		t.Errorf("a third object: %v", err)
	}
	h.expect(ObjectInfo{TOI: toi, OTI: oti(9, 3, 6), Whole: []BlockRange{{0, 2}, {2, 1 << 31}}})
	h.wantEvents(Event{Kind: SenderHeard}, Event{Kind: ObjectWhole, TOI: toi})
	h.engine.Forget(0, 5)
	h.engine.Forget(0, 77)
	if s := h.engine.Stats(); s.Objects != 0 || s.ObjectsRefused != 1 {
		t.Errorf("%+v", s)
	}
}

func TestBadResult(t *testing.T) {
	h := newHarness(t, Config{})
	toi := wire.DataTOI(1)
	h.heartbeat(wire.Heartbeat{Started: toi})
	h.wantNACKs()
	h.expect(ObjectInfo{TOI: toi, OTI: oti(6, 3, 6), Whole: []BlockRange{{0, 1}}})
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 1, Count: 1, Symbols: 3})
	h.symbols(toi, 1, 3, 0, 1, 2)
	h.engine.NextEvent()
	ev, _ := h.engine.NextEvent()
	bad := errors.New("digest")
	h.engine.HandleResult(h.now, ev, bad)
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 1, Count: 1, Symbols: 3})
	h.engine.HandleResult(h.now, ev, nil)                                 // not ready: nothing
	h.engine.HandleResult(h.now, Event{BlockReady, toi, 0}, bad)          // was whole
	h.engine.HandleResult(h.now, Event{BlockReady, toi, 9}, bad)          // is not there
	h.engine.HandleResult(h.now, Event{Kind: ObjectWhole, TOI: toi}, bad) // is no result
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 0, Count: 1, Symbols: 3})
	if s := h.engine.Stats(); s.BlocksFailed != 2 {
		t.Errorf("%+v", s)
	}
	h.symbols(toi, 1, 3, 0, 1, 2)
	h.symbols(toi, 0, 3, 3, 4, 5)
	h.wantEvents(Event{BlockReady, toi, 1}, Event{BlockReady, toi, 0}, Event{Kind: ObjectWhole, TOI: toi})
}

// TestLateJoinerAsksOldestFirst checks the limit of what is asked for at a time.
func TestLateJoinerAsksOldestFirst(t *testing.T) {
	h := newHarness(t, Config{MaxAskedBlocks: 4, MaxOpenBlocks: 12})
	toi := wire.DataTOI(1)
	beat := func() {
		h.advance(50 * ms)
		h.heartbeat(wire.Heartbeat{GRTT: 20 * ms, Started: toi, First: []wire.Position{{TOI: toi, SBN: 100}}})
	}
	h.expect(ObjectInfo{TOI: toi, OTI: oti(1000*3, 3, 6), Whole: []BlockRange{{2, 3}}})
	beat()
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 0, Count: 2, Symbols: 3}, wire.NACK{TOI: toi, SBN: 5, Count: 2, Symbols: 3})
	for sbn := uint32(200); sbn < 300; sbn++ { // new data may not take all places
		h.packet(toi, sbn, 3, 0, nil)
	}
	if s := h.engine.Stats(); s.OpenBlocks != 4+4 || s.SymbolsRefused == 0 {
		t.Errorf("%+v", s)
	}
	h.symbols(toi, 0, 3, 0, 1, 2)
	h.symbols(toi, 5, 3, 0, 1)
	h.wantEvents(Event{Kind: SenderHeard}, Event{BlockReady, toi, 0})
	beat()
	h.wantNACKs(
		wire.NACK{TOI: toi, SBN: 1, Count: 1, Symbols: 3},
		wire.NACK{TOI: toi, SBN: 5, Count: 1, Symbols: 2},
		wire.NACK{TOI: toi, SBN: 6, Count: 2, Symbols: 3})
}

func TestTruncatedHeartbeatAnswersNothing(t *testing.T) {
	h := newHarness(t, Config{})
	toi := wire.DataTOI(1)
	beat := func(d time.Duration) {
		h.advance(d)
		h.heartbeat(wire.Heartbeat{GRTT: 20 * ms, Started: toi, Truncated: true})
	}
	h.expect(ObjectInfo{TOI: toi, OTI: oti(3, 3, 6)})
	beat(ms)
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 0, Count: 1, Symbols: 3})
	h.advance(againAfter)
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 0, Count: 1, Symbols: 3})
	beat(30 * ms)
	h.wantNACKs()
	beat(60 * ms)
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 0, Count: 1, Symbols: 3})
}

func TestBackoffAndSuppression(t *testing.T) {
	h := newHarness(t, Config{})
	toi := wire.DataTOI(1)
	h.heartbeat(wire.Heartbeat{GRTT: 20 * ms, Edges: 1000})
	h.expect(ObjectInfo{TOI: toi, OTI: oti(9, 3, 6), Whole: []BlockRange{{2, 1}}})
	h.heartbeat(wire.Heartbeat{GRTT: 20 * ms, Edges: 1000, Started: toi})
	h.wantNACKs()
	if d := h.engine.asking.due.Sub(h.now); d <= 0 || d > 120*ms {
		t.Fatalf("backs off for %v", d)
	}
	h.heartbeat(wire.Heartbeat{GRTT: 20 * ms, Edges: 1000, Started: toi, Outstanding: []wire.Outstanding{{TOI: toi, SBN: 0, Count: 1, Symbols: 3}}})
	h.advance(h.engine.asking.due.Sub(h.now))
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 1, Count: 1, Symbols: 3})
	if s := h.engine.Stats(); s.NACKsSuppressed != 1 {
		t.Errorf("%+v", s)
	}
}

func TestRestartOfSender(t *testing.T) {
	h := newHarness(t, Config{})
	toi := wire.DataTOI(1)
	h.heartbeat(wire.Heartbeat{Started: toi})
	h.expect(ObjectInfo{TOI: toi, OTI: oti(6, 3, 6)})
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 0, Count: 2, Symbols: 3})
	h.symbols(toi, 1, 3, 0)
	h.instance, h.sequence = 100, 77
	h.heartbeat(wire.Heartbeat{})
	h.wantEvents(Event{Kind: SenderHeard}, Event{Kind: SenderRestarted})
	h.wantNACKs()
	h.heartbeat(wire.Heartbeat{Started: toi})
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 0, Count: 1, Symbols: 3}, wire.NACK{TOI: toi, SBN: 1, Count: 1, Symbols: 2})
	if h.message.Instance != 100 || h.message.PacketSequence != 79 {
		t.Errorf("%+v", h.message)
	}
	if s := h.engine.Stats(); s.PacketsLost != 0 || s.SenderRestarts != 1 {
		t.Errorf("%+v", s)
	}
}

func TestDueByAPacket(t *testing.T) {
	h := newHarness(t, Config{})
	toi := wire.DataTOI(1)
	h.expect(ObjectInfo{TOI: toi, OTI: oti(300, 3, 6)})
	h.heartbeat(wire.Heartbeat{})
	h.symbols(toi, 0, 3, 0, 1)
	h.symbols(toi, 7, 3, 0, 1)
	h.wantNACKs()
	h.symbols(toi, 8, 3, 0)
	h.wantNACKs(wire.NACK{TOI: toi, SBN: 0, Count: 1, Symbols: 1})
}

func TestReport(t *testing.T) {
	h := newHarness(t, Config{Counter: 500})
	h.heartbeat(wire.Heartbeat{})
	h.advance(firstSpread)
	if !h.engine.NextFeedback(h.now, &h.message) || h.message.Report == nil || h.message.Counter != 501 || h.message.EchoHeld != firstSpread {
		t.Fatalf("no first report: %+v", h.message)
	}
	h.advance(10 * ms)
	h.engine.RequestReport(h.now)
	h.engine.SocketDropped(7)
	h.sequence += 9
	h.heartbeat(wire.Heartbeat{})
	if !h.engine.NextFeedback(h.now, &h.message) || h.message.Report.SocketDrops != 9 || h.message.Counter != 502 {
		t.Errorf("no report when asked: %+v", h.message)
	}
	if h.engine.NextFeedback(h.now, &h.message) {
		t.Error("a second report")
	}
}
