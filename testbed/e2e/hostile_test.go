package e2e

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fanfare/fec"
	"fanfare/internal/mcast"
	"fanfare/internal/session"
	"fanfare/internal/wire"
	"fanfare/testbed/daemon"
)

// attacker hears the group, and sends to it and to the origin's feedback port. It has no keys.
type attacker struct {
	t       *testing.T
	channel uint32
	group   *mcast.Conn
	ear     *mcast.Conn
	origin  net.Conn
	rng     *rand.Rand
	// beat, control and data are the packets heard last of the origin's.
	beat, control, data wire.Packet
	// oldest is the first heartbeat heard.
	oldest wire.Packet
	// sequence is the packet sequence number of the last of them.
	sequence uint32
}

func newAttacker(w *world) *attacker {
	w.t.Helper()
	s, err := session.Load(filepath.Join(w.originDir(), "session.ff"))
	if err != nil {
		w.t.Fatal(err)
	}
	a := &attacker{t: w.t, channel: s.Channel, rng: rand.New(rand.NewPCG(1, 2))}
	if a.group, err = mcast.NewSender(mcast.Options{Group: s.Group, Interface: "lo", Loop: true}); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { a.group.Close() })
	if a.ear, err = mcast.Join(mcast.Options{Group: s.Group, Interface: "lo"}); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { a.ear.Close() })
	if a.origin, err = net.Dial("udp", s.Origin); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { a.origin.Close() })
	return a
}

// listen takes what has come; its own packets, too, which does not matter.
func (a *attacker) listen() {
	for range 64 {
		batch, err := a.ear.Read()
		if err != nil {
			a.t.Error(err)
		}
		if len(batch) == 0 {
			return
		}
		for _, d := range batch {
			var p wire.Packet
			if wire.Parse(d.Payload, &p) != nil || p.TSI != a.channel {
				continue
			}
			p.Payload = append([]byte(nil), p.Payload...)
			a.sequence = p.PacketSequence
			switch {
			case p.TOI == wire.HeartbeatTOI:
				a.beat = p
				if a.oldest.Payload == nil {
					a.oldest = p
				}
			case wire.IsData(p.TOI):
				a.data = p
			default:
				a.control = p
			}
		}
	}
}

func (a *attacker) send(p wire.Packet) {
	// What the kernel does not take is one attack less.
	_, _ = a.group.Write([][]byte{wire.Append(nil, &p)})
}

// forgeHeartbeat sends the last heartbeat with its signed head and something else changed.
func (a *attacker) forgeHeartbeat() {
	p := a.beat
	var h wire.Heartbeat
	if wire.ParseHeartbeat(p.Payload, &h) != nil {
		return // none was heard yet
	}
	p.PacketSequence = a.sequence + a.rng.Uint32N(10)
	switch a.rng.IntN(9) {
	case 0:
		h.Instance++
	case 8: // a head that the origin signed long ago, as if of an older copy of it
		if wire.ParseHeartbeat(a.oldest.Payload, &h) != nil {
			return
		}
		h.Instance = a.rng.Uint64()
	case 1:
		p.PacketSequence += 1 << 30
	case 2:
		p.PacketSequence += 60_000
	case 3:
		h.Edges, h.GRTT, h.Rate = math.MaxUint32, time.Hour, math.MaxUint64
	case 4:
		h.Started = wire.DataTOI(1 << 29)
		h.First = []wire.Position{{TOI: wire.DataTOI(1), SBN: math.MaxUint32}}
	case 5:
		h.Truncated = true
		for i := range uint64(20) {
			h.Outstanding = append(h.Outstanding[:i], wire.Outstanding{TOI: wire.DataTOI(i + 1), Count: math.MaxUint32, Symbols: wire.NeedAll})
		}
	case 6:
		h.Echoes = []wire.Echo{{Edge: 1, Counter: math.MaxUint64}}
	case 7:
		p.SendTime = a.rng.Uint32()
	}
	p.Payload = wire.AppendHeartbeat(nil, &h, 1400)
	a.send(p)
}

// forgeObject sends a symbol of an object that does not exist, or not in this shape.
func (a *attacker) forgeObject() {
	oti := fec.OTI{
		TransferLength: 1 + a.rng.Uint64N(fec.MaxTransferLength)>>a.rng.IntN(48), SymbolLength: uint16(1 + a.rng.IntN(1408)),
		MaxBlock: uint16(1 + a.rng.IntN(255)), MaxSymbols: 255,
	}
	part, err := oti.Partition()
	if err != nil {
		return
	}
	sequence := a.rng.Uint64N(40)
	if a.rng.IntN(4) == 0 {
		sequence = a.rng.Uint64N(1 << 31)
	}
	p := wire.Packet{
		TSI: a.channel, TOI: wire.DataTOI(sequence + 1), PacketSequence: a.sequence, HasOTI: true, OTI: oti,
		SBN: a.rng.Uint32N(part.Blocks()), ESI: uint16(a.rng.IntN(255)), Payload: make([]byte, oti.SymbolLength),
	}
	if a.rng.IntN(3) == 0 {
		p.TOI, p.SBN = wire.ControlTOI(sequence+1), 0
	}
	p.SourceBlockLength = uint16(part.SourceSymbols(p.SBN))
	a.send(p)
}

// poison sends a symbol of a bundle on its way, or of an entry, with other bytes.
func (a *attacker) poison() {
	p := a.data
	if a.rng.IntN(4) == 0 {
		p = a.control
		p.TOI += a.rng.Uint32N(3)
	}
	if len(p.Payload) == 0 {
		return
	}
	p.PacketSequence = a.sequence + a.rng.Uint32N(50)
	if !p.HasOTI {
		p.ESI = uint16(a.rng.IntN(255))
	}
	p.Payload = append([]byte(nil), p.Payload...)
	p.Payload[a.rng.IntN(len(p.Payload))] ^= 1
	a.send(p)
}

// forgeFeedback asks for everything, and reports the end of the world.
func (a *attacker) forgeFeedback() {
	f := wire.Feedback{
		TSI: a.channel, Edge: a.rng.Uint64N(20), Counter: math.MaxUint64, PacketSequence: a.rng.Uint32(), EchoTime: a.rng.Uint32(),
	}
	if a.rng.IntN(10) == 0 {
		f.Report = &wire.Report{Name: "\x1b[2J\r\n", Mark: math.MaxUint64, PacketsLost: math.MaxUint64, LossPPM: math.MaxUint32}
	}
	for range a.rng.IntN(100) {
		f.NACKs = append(f.NACKs, wire.NACK{
			TOI: wire.DataTOI(1 + a.rng.Uint64N(1000)), SBN: a.rng.Uint32(), Count: a.rng.Uint32(), Symbols: wire.NeedAll,
		})
	}
	// What the kernel does not take is one attack less.
	_, _ = a.origin.Write(wire.AppendFeedback(nil, &f))
}

// attack goes on for a while.
func (a *attacker) attack(d time.Duration, kinds ...func()) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(200 * time.Microsecond) {
		a.listen()
		kinds[a.rng.IntN(len(kinds))]()
	}
}

// TestHostileGroup attacks while content is published. Without keys that can cost time, but must
// leave nothing behind: afterwards all of it arrives, what was published then and what is published
// next, purges too; nobody serves other bytes, grows, or ends.
func TestHostileGroup(t *testing.T) {
	for _, test := range []struct {
		name  string
		kinds func(a *attacker) []func()
	}{
		{"heartbeats", func(a *attacker) []func() { return []func(){a.forgeHeartbeat} }},
		{"objects", func(a *attacker) []func() { return []func(){a.forgeObject} }},
		{"poison", func(a *attacker) []func() { return []func(){a.poison} }},
		{"feedback", func(a *attacker) []func() { return []func(){a.forgeFeedback} }},
		{"everything", func(a *attacker) []func() {
			return []func(){a.forgeHeartbeat, a.forgeObject, a.poison, a.forgeFeedback}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{Edges: 2, Rate: 100_000_000})
			a := newAttacker(w)
			a.listen() // the head of an empty log
			w.await(w.publish(map[string][]byte{"old": content("old", 50_000)}, "x"), 10*time.Second)
			during := w.publish(map[string][]byte{"large": content("large", 6<<20), "small": content("small", 5000)}, "x")
			a.attack(2*time.Second, test.kinds(a)...)
			w.forgetStrangers()
			w.await(during, 40*time.Second)
			w.await(w.publish(map[string][]byte{"next": content("next", 1<<20)}, "x"), 20*time.Second)
			w.check()
			for _, n := range w.edges {
				w.awaitReady(n)
			}
			purged, err := w.client.Purge(context.Background(), purgeKey("/old"))
			if err != nil {
				t.Fatal(err)
			}
			w.await(purged.Sequences, 20*time.Second)
			w.checkGone("/old")
			for _, d := range []*daemon.Process{w.origin, w.edges[0].Process, w.edges[1].Process} {
				if mb := memory(t, d) >> 20; mb > 128 {
					t.Errorf("%s has %d MB", d.Name, mb)
				}
			}
		})
	}
}

// forgetStrangers makes the edges that were made up unexpected.
func (w *world) forgetStrangers() {
	w.t.Helper()
	s, err := w.client.Status(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range s.Edges {
		if strings.HasPrefix(e.Name, "edge-") {
			continue
		}
		if strings.ContainsAny(e.Name, "\x1b\r\n") {
			w.t.Errorf("status would write %q to a terminal", e.Name)
		}
		if err := w.client.ForgetEdge(context.Background(), e.ID); err != nil {
			w.t.Error(err)
		}
	}
}

// memory returns the resident set of the process, in bytes.
func memory(t *testing.T, d *daemon.Process) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", d.PID()))
	if err != nil {
		t.Fatal(err)
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * os.Getpagesize()
}
