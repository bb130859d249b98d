package netns

import (
	"cmp"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"fanfare/internal/mcast"
	"fanfare/internal/mono"
	"fanfare/testbed/netem"
)

const ms = time.Millisecond

// probe measures a link with plain UDP: numbered datagrams from one host to another.
type probe struct {
	*testing.T
	network  *Network
	from, to *mcast.Conn
	poller   *mcast.Poller
	clock    mcast.Clock
	next     uint32
	came     []arrival
}

// arrival is a datagram that came, when, and how long it took.
type arrival struct {
	number uint32
	at     mono.Time
	took   time.Duration
}

// probes counts probes, each of which has a port of its own.
var probes atomic.Uint32

func newProbe(t *testing.T, from, to *Host) *probe {
	t.Helper()
	address := netip.AddrPortFrom(to.Addr4, 7000+uint16(probes.Add(1)))
	o := mcast.Options{Interface: hostInterface, ReceiveBuffer: 4 << 20}
	p := &probe{T: t, network: to.link.network}
	p.to = conn(t, to, func() (*mcast.Conn, error) { return mcast.ListenUnicast(address, o) })
	p.from = conn(t, from, func() (*mcast.Conn, error) { return mcast.DialUnicast(address, o) })
	var err error
	if p.poller, err = mcast.NewPoller(p.to); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.poller.Close() })
	// The first gets the neighbours to know each other.
	for end := p.clock.Now().Add(time.Minute); len(p.measure(1, 100, 0, 50*ms)) == 0; {
		if p.clock.Now() > end {
			t.Fatal("nothing crosses the link")
		}
	}
	return p
}

// headers of a UDP datagram on Ethernet.
const headers = 14 + 20 + 8

// measure sends n packets of some bytes with their headers, one each interval, and returns what has
// come when the emulator has nothing left to deliver and nothing has come for a while.
func (p *probe) measure(n, size int, interval, after time.Duration) []arrival {
	p.Helper()
	first := p.next
	p.next += uint32(n)
	p.came = nil
	b := make([]byte, size-headers)
	start := p.clock.Now()
	end := mono.Never
	for sent := 0; ; {
		now := p.clock.Now()
		for ; sent < n && now >= start.Add(time.Duration(sent)*interval); sent++ {
			binary.BigEndian.PutUint32(b, first+uint32(sent))
			binary.BigEndian.PutUint64(b[4:], uint64(p.clock.Now()))
			if n, err := p.from.Write([][]byte{b}); n != 1 || err != nil {
				p.Fatal(n, err)
			}
			p.read(first)
		}
		if sent == n {
			end = min(end, p.clock.Now().Add(after))
		}
		over := now >= end
		if over && !settled(p.network) {
			end, over = p.clock.Now().Add(after), false
		}
		if !over {
			if err := p.poller.Wait(min(end, start.Add(time.Duration(sent)*interval))); err != nil {
				p.Fatal(err)
			}
		}
		before := len(p.came)
		p.read(first)
		switch {
		case len(p.came) > before && end != mono.Never:
			end = p.clock.Now().Add(after)
		case over:
			return p.came
		}
	}
}

// settled reports whether a network's emulator has nothing to deliver and nothing to take in. On a busy
// machine it may come late to what is on its way.
func settled(n *Network) bool {
	n.starting.Lock()
	e := n.emulator
	n.starting.Unlock()
	idle := true
	if e == nil {
		return idle
	}
	_ = e.call(func() { // a closed one has nothing
		for _, w := range e.wires {
			for _, d := range w.directions() {
				place := d.from.ring[d.from.next*d.from.size:]
				header := (*packetHeader)(unsafe.Pointer(unsafe.SliceData(place)))
				idle = idle && len(d.held) == 0 && atomic.LoadUint32(&header.status)&unix.TP_STATUS_USER == 0
			}
		}
	})
	return idle
}

// read takes in what is there, but for what is left of an earlier measurement.
func (p *probe) read(first uint32) {
	p.Helper()
	batch, err := p.to.Read()
	if err != nil {
		p.Fatal(err)
	}
	now := p.clock.Now()
	for _, d := range batch {
		if slices.ContainsFunc(d.Payload[12:], func(b byte) bool { return b != 0 }) {
			p.Errorf("a damaged datagram came: %x", d.Payload)
		}
		if number := binary.BigEndian.Uint32(d.Payload); number >= first {
			p.came = append(p.came, arrival{number, now, now.Sub(mono.Time(binary.BigEndian.Uint64(d.Payload[4:])))})
		}
	}
}

// emulations calls f for each way of making faults.
func emulations(t *testing.T, f func(t *testing.T, e Emulation)) {
	t.Run("user space", func(t *testing.T) { f(t, EmulateInUserSpace) })
	t.Run("kernel", func(t *testing.T) { f(t, EmulateInKernel) })
}

// pair is two hosts on a switch, whose links have faults: those from one to two on two's link.
func pair(t *testing.T, e Emulation, toTwo, fromTwo netem.Config) (one, two *Host) {
	t.Helper()
	n, err := Build(Topology{
		Hosts:    []string{"one", "two"},
		Switches: []Switch{{Name: "hub"}},
		Links:    []LinkConfig{{A: "hub", B: "one"}, {A: "hub", B: "two", AtoB: toTwo, BtoA: fromTwo}},
		Seed:     1, Emulation: e,
	})
	if errors.Is(err, ErrNotAllowed) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n.Host("one"), n.Host("two")
}

func TestLinkLoss(t *testing.T) {
	const n = 5000
	emulations(t, func(t *testing.T, e Emulation) {
		one, two := pair(t, e, netem.Config{Loss: 0.1}, netem.Config{})
		p := newProbe(t, one, two)
		came := len(p.measure(n, 100, 50*time.Microsecond, 200*ms))
		wantBetween(t, "lost on the way there", n-came-int(p.to.Stats().SocketDrops), 500-170, 500+170) // eight standard deviations
		p = newProbe(t, two, one)
		came = len(p.measure(n, 100, 50*time.Microsecond, 200*ms))
		_, up := two.LinkStats()
		wantBetween(t, "lost on the way back", n-came-int(p.to.Stats().SocketDrops)-int(up.Missed), 0, 0)
	})
}

func TestLinkDelay(t *testing.T) {
	emulations(t, func(t *testing.T, e Emulation) {
		one, two := pair(t, e, netem.Config{Delay: 40 * ms}, netem.Config{Delay: 10 * ms})
		for _, way := range []struct {
			from, to *Host
			delay    time.Duration
		}{{one, two, 40 * ms}, {two, one, 10 * ms}} {
			p := newProbe(t, way.from, way.to)
			// On a busy machine most are late; one that nothing held up shows the delay.
			for end := p.clock.Now().Add(30 * time.Second); ; {
				came := p.measure(300, 1000, ms, 300*ms)
				if len(came) != 300 {
					t.Fatalf("%d of 300 came", len(came))
				}
				least := slices.MinFunc(came, func(a, b arrival) int { return cmp.Compare(a.took, b.took) }).took
				t.Logf("to %s: at least %v", way.to.Name, least)
				if least < way.delay-ms || least > way.delay+5*ms && p.clock.Now() > end {
					t.Fatalf("%v, want %v", least, way.delay)
				}
				if least <= way.delay+5*ms {
					break
				}
			}
		}
	})
}

// TestLinkRate sends 200 packets at once to a link with room for 30, and 1,000 to one with room for
// all.
func TestLinkRate(t *testing.T) {
	slow := netem.Config{Rate: 10_000_000, Queue: 30_000} // a packet of 1,000 bytes in 0.8 ms
	one, two := pair(t, EmulateAny, slow, netem.Config{})
	p := newProbe(t, one, two)
	sent := p.clock.Now()
	came := p.measure(200, 1000, 0, 200*ms)
	before, _ := two.LinkStats()
	// Those that were sent while others crossed found room too.
	if len(came) == 0 {
		t.Fatal("nothing came")
	}
	wantBetween(t, "packets that found room", len(came), 30, 32+int(came[len(came)-1].at.Sub(sent)/(800*time.Microsecond)))
	if before.QueueDrops == 0 {
		t.Errorf("no packet found the queue full: %+v", before)
	}

	slow.Queue = 2_000_000
	if err := two.SetFaults(slow, netem.Config{}); err != nil {
		t.Fatal(err)
	}
	sent = p.clock.Now()
	came = p.measure(1000, 1000, 0, 1200*ms)
	after, _ := two.LinkStats()
	wantBetween(t, "packets that came", len(came)+int(p.to.Stats().SocketDrops), 1000, 1000)
	rate := 1000 * 8000 / came[len(came)-1].at.Sub(sent).Seconds()
	quick := rate
	for i := range came[100:] { // a busy machine comes late to some of them, not to all
		quick = max(quick, 100*8000/came[i+100].at.Sub(came[i].at).Seconds())
	}
	if quick < 9e6 || rate > 10.2e6 {
		t.Errorf("%.2f Mb/s, %.2f for a while, want 10", rate/1e6, quick/1e6)
	}
	if after.QueueDrops != before.QueueDrops || after.Missed != 0 {
		t.Errorf("stats: %+v", after)
	}
	t.Logf("%.2f Mb/s", rate/1e6)
}

// TestLinkDamage shows the faults that only our emulator makes as its model says: what is counted is
// what arrives.
func TestLinkDamage(t *testing.T) {
	const n = 4000
	one, two := pair(t, EmulateAny, netem.Config{
		Delay: 5 * ms, Jitter: ms, Duplicate: 0.1, Reorder: 0.1, ReorderDelay: 20 * ms, Corrupt: 0.05,
		Burst: netem.Bursts(0.05, 10),
	}, netem.Config{})
	p := newProbe(t, one, two)
	before, _ := two.LinkStats()
	came := p.measure(n, 200, 100*time.Microsecond, 300*ms)
	after, _ := two.LinkStats()
	copies := map[uint32]int{}
	var late, newest uint32
	for _, a := range came {
		copies[a.number]++
		if a.number < newest && copies[a.number] == 1 {
			late++
		}
		newest = max(newest, a.number)
	}
	lost, twice := int(after.Lost-before.Lost), int(after.Duplicated-before.Duplicated)
	damaged := int(after.Corrupted - before.Corrupted)
	// Checksums catch all damage to packets so short, most of it at the socket, which counts it as
	// dropped. A few neighbours' packets are subject to the faults too.
	wantBetween(t, "datagrams that came", len(came), n-lost+twice-damaged-int(p.to.Stats().SocketDrops), n-lost+twice-damaged+5)
	if missing := n - len(copies); missing < lost-5 || missing > lost+damaged+int(p.to.Stats().SocketDrops) {
		t.Errorf("%d missing, %d lost, %d damaged", missing, lost, damaged)
	}
	wantBetween(t, "lost", lost, 20, 600)
	wantBetween(t, "twice", twice, 250, 550)
	wantBetween(t, "damaged", damaged, 120, 320)
	wantBetween(t, "overtaken", int(late), 150, 600)
	if after.Missed != 0 {
		t.Errorf("the emulator missed %d", after.Missed)
	}
}

// TestLinkCarriesEverything joins groups and talks over links with faults on all of which
// neighbours must find each other first.
func TestLinkCarriesEverything(t *testing.T) {
	faults := netem.Config{Delay: 3 * ms}
	b := openBed(t, Config{Edges: 2, Down: faults, Up: faults})
	for _, address := range []netip.Addr{b.Origin.Addr4, b.Origin.Addr6} {
		if took := exchange(t, b.Origin, b.Edges[0], address); took < 12*ms {
			t.Errorf("TCP to %v: two round trips of 6 ms took %v", address, took)
		}
	}
	for _, group := range []string{"239.77.1.2:5000", "[ff15::7777]:5000"} {
		o := mcast.Options{Group: netip.MustParseAddrPort(group), Interface: hostInterface}
		one, two := join(t, b.Edges[0], o), join(t, b.Edges[1], o)
		sends{t, sender(t, b.Origin, o)}.once("to all")
		if readFirst(t, one) != "to all" || readFirst(t, two) != "to all" {
			t.Errorf("%s: something else came", group)
		}
	}
}

// TestSetFaults puts faults on a link that had none, changes them, and takes them away.
func TestSetFaults(t *testing.T) {
	one, two := pair(t, EmulateAny, netem.Config{}, netem.Config{})
	p := newProbe(t, one, two)
	for _, c := range []netem.Config{{Loss: 1}, {}, {Delay: 50 * ms, Jitter: ms}, {}} {
		if err := two.SetFaults(c, netem.Config{}); err != nil {
			t.Fatal(err)
		}
		down, up := two.Link().Faults()
		if down != c || !up.Clear() {
			t.Errorf("faults %+v, %+v; want %+v", down, up, c)
		}
		came := p.measure(50, 100, ms, 200*ms)
		switch {
		case c.Loss == 1 && len(came) != 0, c.Loss == 0 && len(came) != 50:
			t.Errorf("%+v: %d of 50 came", c, len(came))
		case len(came) > 0 && came[0].took < c.Delay-ms:
			t.Errorf("%+v: took %v", c, came[0].took)
		}
	}
	if err := two.SetFaults(netem.Config{Loss: 2}, netem.Config{}); !errors.Is(err, netem.ErrConfig) {
		t.Errorf("a loss of 2: %v", err)
	}
	if err := two.Cut(); err != nil {
		t.Fatal(err)
	}
	if came := p.measure(20, 100, ms, 100*ms); len(came) != 0 {
		t.Errorf("cut, and %d came", len(came))
	}
	if err := two.Heal(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); len(p.measure(1, 100, 0, 20*ms)) == 0; {
		if time.Now().After(end) {
			t.Fatal("healed, and nothing comes")
		}
	}
}

// TestLinkDirections names links from the host's side, and from the switch's, and one without a switch.
func TestLinkDirections(t *testing.T) {
	n := buildNetwork(t, Topology{
		Hosts:    []string{"one", "two", "three"},
		Switches: []Switch{{Name: "hub"}},
		Routers:  []string{"router"},
		Links: []LinkConfig{
			{A: "one", B: "hub"}, {A: "two", B: "hub"}, {A: "hub", B: "router"}, {A: "router", B: "three"},
		},
	})
	one := n.Host("one")
	for _, name := range []string{"two", "three"} {
		h := n.Host(name)
		there, back := newProbe(t, one, h), newProbe(t, h, one)
		if err := h.SetFaults(netem.Config{}, netem.Config{Loss: 1}); err != nil {
			t.Fatal(err)
		}
		if a, b := len(there.measure(20, 100, ms, 100*ms)), len(back.measure(20, 100, ms, 100*ms)); a != 20 || b != 0 {
			t.Errorf("%s: %d of 20 came to it, and %d of those that are lost from it", name, a, b)
		}
		down, up := h.LinkStats()
		if down.Sent < 20 || down.Lost != 0 || up.Lost < 20 {
			t.Errorf("%s: down %+v, up %+v", name, down, up)
		}
	}
}
