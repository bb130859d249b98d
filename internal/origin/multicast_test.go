package origin

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"fanfare/control"
	"fanfare/fec"
	"fanfare/internal/api"
	"fanfare/internal/mcast"
	"fanfare/internal/session"
	"fanfare/internal/wire"
)

// fakeEdge hears the group with a socket of its own and answers by hand.
type fakeEdge struct {
	t        *testing.T
	session  *session.Session
	group    *mcast.Conn
	feedback *mcast.Conn
	poller   *mcast.Poller
	clock    mcast.Clock
	counter  uint64
	beat     wire.Heartbeat
	head     control.Head
	beats    int
	entries  map[uint64]*control.Entry
	// symbols has what came: TOI, SBN, ESI -> payload.
	symbols map[[3]uint32][]byte
	otis    map[uint32]fec.OTI
	highest uint32
}

func newFakeEdge(t *testing.T, dir string) *fakeEdge {
	t.Helper()
	s := testSession(t, dir)
	group, err := mcast.Join(mcast.Options{Group: s.Group, Interface: "lo", ReceiveBuffer: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { group.Close() })
	f := &fakeEdge{
		t: t, session: s, group: group, entries: make(map[uint64]*control.Entry),
		symbols: make(map[[3]uint32][]byte), otis: make(map[uint32]fec.OTI),
	}
	cfg, err := loadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	if f.feedback, err = mcast.DialUnicast(cfg.Listen, mcast.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.feedback.Close() })
	if f.poller, err = mcast.NewPoller(group); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.poller.Close() })
	return f
}

// until hears the group until done, for at most as long as any test waits.
func (f *fakeEdge) until(what string, done func() bool) {
	f.t.Helper()
	end := f.clock.Now().Add(hangsAfter)
	for !done() {
		now := f.clock.Now()
		if now > end {
			f.t.Fatalf("%s did not come", what)
		}
		if err := f.poller.Wait(now.Add(50 * time.Millisecond)); err != nil {
			f.t.Fatal(err)
		}
		batch, err := f.group.Read()
		if err != nil {
			f.t.Fatal(err)
		}
		for _, datagram := range batch {
			f.hear(datagram.Payload)
		}
	}
}

func (f *fakeEdge) hear(b []byte) {
	f.t.Helper()
	var p wire.Packet
	if err := wire.Parse(b, &p); err != nil || p.TSI != f.session.Channel {
		f.t.Fatalf("packet of %d bytes: %v", len(b), err)
	}
	f.highest = p.PacketSequence
	if p.TOI == wire.HeartbeatTOI {
		if err := wire.ParseHeartbeat(p.Payload, &f.beat); err != nil {
			f.t.Fatal(err)
		}
		head, err := control.OpenHead(f.beat.Head, []byte(f.session.PublicKey))
		if err != nil {
			f.t.Fatal(err)
		}
		f.head = head
		f.beats++
		return
	}
	if p.HasOTI {
		f.otis[p.TOI] = p.OTI
	}
	f.symbols[[3]uint32{p.TOI, p.SBN, uint32(p.ESI)}] = bytes.Clone(p.Payload)
	if wire.IsControl(p.TOI) && p.SourceBlockLength == 1 {
		entry, err := control.Open(p.Payload, []byte(f.session.PublicKey))
		if err != nil {
			f.t.Fatal(err)
		}
		f.entries[entry.Sequence] = entry
	}
}

// send sends feedback.
func (f *fakeEdge) send(feedback *wire.Feedback) {
	f.t.Helper()
	f.counter++
	feedback.TSI, feedback.Edge, feedback.Counter = f.session.Channel, 77, f.counter
	feedback.Instance, feedback.PacketSequence = f.beat.Instance, f.highest
	message := wire.AppendFeedback(nil, feedback)
	if _, err := f.feedback.Write([][]byte{message}); err != nil {
		f.t.Fatal(err)
	}
}

// report tells the origin what the edge has.
func (f *fakeEdge) report(complete uint64, r wire.Report) {
	f.t.Helper()
	r.Name, r.Complete = "fake", complete
	r.GenerationOrder, r.GenerationRandom = f.session.Generation.Order, f.session.Generation.Random
	f.send(&wire.Feedback{Report: &r})
}

// bundle puts a bundle together from its source symbols; false if some are missing.
func (f *fakeEdge) bundle(sequence uint64) ([]byte, bool) {
	entry := f.entries[sequence]
	if entry == nil {
		return nil, false
	}
	oti := entry.Publish.OTI
	partition, err := oti.Partition()
	if err != nil {
		f.t.Fatal(err)
	}
	var b []byte
	for sbn := range partition.Blocks() {
		for esi := range partition.SourceSymbols(sbn) {
			symbol, ok := f.symbols[[3]uint32{wire.DataTOI(sequence), sbn, uint32(esi)}]
			if !ok {
				return nil, false
			}
			b = append(b, symbol...)
		}
	}
	return b[:oti.TransferLength], true
}

func TestMulticast(t *testing.T) {
	dir := initOrigin(t)
	edge := newFakeEdge(t, dir)
	o := start(t, dir)
	edge.until("a heartbeat", func() bool { return edge.beats > 0 })
	edge.report(0, wire.Report{})
	noise(t, o, edge)
	rng := rand.NewChaCha8([32]byte{1})
	random := func(n int) string {
		b := make([]byte, n)
		rng.Read(b)
		return string(b)
	}
	// A large object, whose manifest is inline, and so many small ones that theirs is not.
	body := random(1_200_000)
	many, keys := files{"large": body}, make(map[string]string)
	for i := range 40 {
		name := fmt.Sprintf("small%02d", i)
		many[name] = random(5000 * (i % 3))
		keys["/"+name] = many[name]
	}
	o.publish(t, many, api.PublishOptions{})
	var small, large []byte
	edge.until("the bundles", func() bool {
		var ok1, ok2 bool
		large, ok1 = edge.bundle(1)
		small, ok2 = edge.bundle(2)
		return ok1 && ok2 && edge.head.Sequence == 2
	})
	checkReceived(t, o, 1, large, map[string]string{"/large": body})
	checkReceived(t, o, 2, small, keys)
	if edge.entries[1].Publish.Manifest == nil || edge.entries[2].Publish.Manifest != nil {
		t.Error("the small manifest should be in its entry, the large one in its bundle")
	}

	t.Run("receipt", func(t *testing.T) { testReceipt(t, o, edge) })
	t.Run("repair", func(t *testing.T) { testRepair(t, edge, large) })
	t.Run("restart", func(t *testing.T) {
		o.stop()
		o = start(t, dir)
		instance := edge.beat.Instance
		edge.until("a new instance", func() bool { return edge.beat.Instance != instance })
		if edge.beat.Started != wire.DataTOI(2) {
			t.Errorf("it started at %x", edge.beat.Started)
		}
		testRepair(t, edge, large)
		clear(edge.entries)
		edge.send(&wire.Feedback{NACKs: []wire.NACK{{TOI: wire.ControlTOI(2), Count: 1, Symbols: wire.NeedAll}}})
		edge.until("an old entry", func() bool { return edge.entries[2] != nil })
		status, err := o.client.Status(t.Context())
		if err != nil || len(status.Edges) != 1 || status.Edges[0].Name != "fake" {
			t.Errorf("status %+v, %v", status, err)
		}
	})
}

// noise is what an open port hears: it is counted, and does no harm.
func noise(t *testing.T, o *running, edge *fakeEdge) {
	t.Helper()
	rng := rand.NewChaCha8([32]byte{2})
	for n := range 200 {
		b := make([]byte, n)
		rng.Read(b)
		if _, err := edge.feedback.Write([][]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	status, err := o.client.Status(t.Context())
	for err == nil && status.Sender.FeedbackInvalid < 190 { // of 200; a few might be lost
		status, err = o.client.Status(t.Context())
	}
	if err != nil || len(status.Edges) != 1 {
		t.Fatalf("status after noise %+v, %v", status, err)
	}
}

// checkReceived checks that a bundle is the one in the spool, and has exactly these bodies.
func checkReceived(t *testing.T, o *running, sequence uint64, b []byte, want map[string]string) {
	t.Helper()
	if !bytes.Equal(b, mustRead(t, bundlePath(o.dir, sequence))) {
		t.Errorf("bundle %d is not that of the spool", sequence)
		return
	}
	manifest, err := o.manifestOf(sequence)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range manifest.Objects {
		if want[object.Key.Path] != string(b[object.Offset:object.Offset+object.Length]) {
			t.Errorf("%s is not what was published", object.Key)
		}
	}
	if len(manifest.Objects) != len(want) {
		t.Errorf("%d objects, want %d", len(manifest.Objects), len(want))
	}
}

// testReceipt waits for an edge that comes to serve entries 1 and 2 step by step.
func testReceipt(t *testing.T, o *running, edge *fakeEdge) {
	progress := make(chan *api.Receipt, 100)
	result := make(chan *api.Receipt, 1)
	go func() {
		receipt, err := o.client.Wait(t.Context(), api.Sequences{First: 1, Last: 2}, hangsAfter,
			func(r *api.Receipt) { progress <- r })
		if err != nil {
			t.Errorf("wait: %v", err)
		}
		result <- receipt
	}()
	if r := <-progress; r.Served != 0 || len(r.Edges) != 1 || r.Edges[0].Fraction != 0 {
		t.Errorf("first receipt %+v", r)
	}
	edge.report(0, wire.Report{Progress: []wire.Progress{{Sequence: 1, Blocks: 3}}})
	for r := range progress {
		if f := r.Edges[0].Fraction; f > 0.4 && f < 0.6 {
			break
		}
	}
	edge.report(0, wire.Report{Done: []wire.SequenceRange{{From: 1, To: 2}}})
	receipt := <-result
	if receipt == nil || !receipt.Complete || !receipt.Final || receipt.Served != 1 || receipt.Edges[0].Seconds <= 0 {
		t.Errorf("final receipt %+v", receipt)
	}
	ctx, cancel := context.WithTimeout(t.Context(), hangsAfter)
	defer cancel()
	if _, err := o.client.Wait(ctx, api.Sequences{First: 3, Last: 3}, api.MaxWait, nil); err == nil ||
		!strings.Contains(err.Error(), "not in the log") {
		t.Errorf("wait for what is not there: %v", err)
	}
	edge.report(0, wire.Report{Failed: []wire.Failure{{Sequence: 2, Reason: "disk full"}}})
	for {
		receipt, err := o.client.Wait(ctx, api.Sequences{First: 1, Last: 2}, 20*time.Millisecond, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !receipt.Complete && receipt.Edges[0].Reason == "disk full" {
			break
		}
	}
}

// testRepair asks for repair symbols of a block of bundle 1 and decodes it with them.
func testRepair(t *testing.T, edge *fakeEdge, bundle []byte) {
	oti := edge.otis[wire.DataTOI(1)]
	partition, err := oti.Partition()
	if err != nil {
		t.Fatal(err)
	}
	const sbn, need = 3, 5
	k, e := partition.SourceSymbols(sbn), int(oti.SymbolLength)
	for key := range edge.symbols {
		if key[0] == wire.DataTOI(1) {
			delete(edge.symbols, key)
		}
	}
	edge.send(&wire.Feedback{NACKs: []wire.NACK{{TOI: wire.DataTOI(1), SBN: sbn, Count: 1, Symbols: need}}})
	edge.until("the repair", func() bool {
		n := 0
		for key := range edge.symbols {
			if key[0] == wire.DataTOI(1) && key[1] == sbn {
				n++
			}
		}
		return n == need
	})
	decoder, err := fec.NewDecoder(k, int(oti.MaxSymbols), e)
	if err != nil {
		t.Fatal(err)
	}
	start := partition.Offset(sbn)
	block := make([]byte, k*e)
	copy(block, bundle[start:start+partition.Length(sbn)])
	clear(block[:need*e])
	var repair []fec.Repair
	for key, payload := range edge.symbols {
		if key[0] == wire.DataTOI(1) && key[1] == sbn && int(key[2]) >= k {
			repair = append(repair, fec.Repair{ESI: int(key[2]), Symbol: payload})
		}
	}
	if err := decoder.Decode(block, func(esi int) bool { return esi >= need }, repair); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(block, bundle[start:start+partition.Length(sbn)]) {
		t.Error("the repaired block is not what was published")
	}
}
