package mcast

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

var loopbackAnyPort = netip.MustParseAddrPort("127.0.0.1:0")

// bed is a sender and any number of receivers over the loopback interface, with verbs.
type bed struct {
	*testing.T
	clock Clock
}

func newBed(t *testing.T) *bed {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	return &bed{T: t}
}

func (b *bed) conn(c *Conn, err error) *Conn {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c
}

// options are those of a group at a port nobody uses: an IPv4 group on the loopback
// interface, an IPv6 group on the interface of a namespace, for the rest of the test.
func (b *bed) options(group string) Options {
	b.Helper()
	addr := netip.MustParseAddr(group)
	name := "lo"
	if addr.Is6() {
		name = b.enterNamespace()
	}
	free := b.conn(ListenUnicast(loopbackAnyPort, Options{}))
	port := free.LocalAddr().Port()
	free.Close()
	return Options{Group: netip.AddrPortFrom(addr, port), Interface: name, Loop: true}
}

// enterNamespace moves the test's thread into a network namespace of its own, with an
// interface that has fd77::1 and fd77::2 and no other host behind it. The thread is not
// used again.
func (b *bed) enterNamespace() (name string) {
	b.Helper()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		b.Skipf("SKIPPED: this process may not make a network namespace, and IPv6 groups need one here: %v", err)
	}
	runtime.LockOSThread() // once more than is unlocked: the thread ends with the test
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "veth0"
	veth := netlink.NewVeth(attrs)
	veth.PeerName = "veth1"
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = errors.Join(netlink.LinkSetUp(lo), netlink.LinkAdd(veth), netlink.LinkSetUp(veth))
	}
	var peer netlink.Link
	if err == nil {
		peer, err = netlink.LinkByName(veth.PeerName)
	}
	if err == nil {
		err = netlink.LinkSetUp(peer)
	}
	for _, addr := range []string{"fd77::1/64", "fd77::2/64"} {
		a, parseErr := netlink.ParseAddr(addr)
		if err == nil && parseErr == nil {
			a.Flags = unix.IFA_F_NODAD
			err = netlink.AddrAdd(veth, a)
		}
	}
	if errors.Is(err, unix.EOPNOTSUPP) {
		b.Skipf("SKIPPED: this kernel has no veth interfaces, and IPv6 groups need one here: %v", err)
	}
	if err != nil {
		b.Fatal(err)
	}
	return veth.Name
}

func (b *bed) write(c *Conn, payloads ...string) {
	b.Helper()
	var batch [][]byte
	for _, p := range payloads {
		batch = append(batch, []byte(p))
	}
	if n, err := c.Write(batch); n != len(batch) || err != nil {
		b.Fatalf("Write = %d, %v, want %d", n, err, len(batch))
	}
}

// read returns the next batch, which must arrive within a minute.
func (b *bed) read(c *Conn) []Datagram {
	b.Helper()
	p, err := NewPoller(c)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	for end := b.clock.Now().Add(time.Minute); b.clock.Now() < end; {
		if err := p.Wait(end); err != nil {
			b.Fatal(err)
		}
		batch, err := c.Read()
		if err != nil {
			b.Fatal(err)
		}
		if len(batch) > 0 {
			return batch
		}
	}
	b.Fatal("nothing arrived")
	return nil
}

// wantOnly reads until end arrives and wants nothing before it. On the loopback interface a
// datagram is in the receive buffer when Write returns, so one that is to stay away and
// was sent before end would come before it.
func (b *bed) wantOnly(c *Conn, end string) Datagram {
	b.Helper()
	batch := b.read(c)
	if got := string(batch[0].Payload); got != end || len(batch) != 1 {
		b.Fatalf("%d datagrams, the first %q; want only %q", len(batch), got, end)
	}
	return batch[0]
}

func TestGroupArrives(t *testing.T) {
	for _, group := range []string{"239.77.1.2", "ff15::7777", "ff12::7777"} {
		t.Run(group, func(t *testing.T) {
			b := newBed(t)
			o := b.options(group)
			one, two := b.conn(Join(o)), b.conn(Join(o)) // the same port twice
			s := b.conn(NewSender(o))
			b.write(s, "a", "", "ccc")
			for _, c := range []*Conn{one, two} {
				batch := b.read(c)
				if len(batch) != 3 || string(batch[0].Payload) != "a" || len(batch[1].Payload) != 0 || string(batch[2].Payload) != "ccc" {
					t.Fatalf("got %v", batch)
				}
				if batch[0].From != s.LocalAddr() && batch[0].From.Addr().WithZone("") != s.LocalAddr().Addr() {
					t.Errorf("From = %v, want %v", batch[0].From, s.LocalAddr())
				}
				if rest, err := c.Read(); len(rest) != 0 || err != nil {
					t.Errorf("second Read = %v, %v, want nothing", rest, err)
				}
			}
			if got := s.Stats(); got.PacketsSent != 3 || got.BytesSent != 4 || got.PacketsRefused != 0 {
				t.Errorf("sender's stats: %+v", got)
			}
			if got := one.Stats(); got.PacketsReceived != 3 || got.BytesReceived != 4 {
				t.Errorf("receiver's stats: %+v", got)
			}
		})
	}
}

func TestOtherGroupsStayAway(t *testing.T) {
	for _, groups := range [][2]string{{"239.77.1.2", "239.77.1.3"}, {"ff15::7777", "ff15::7778"}} {
		t.Run(groups[0], func(t *testing.T) {
			b := newBed(t)
			mine := b.options(groups[0])
			other := mine
			other.Group = netip.AddrPortFrom(netip.MustParseAddr(groups[1]), mine.Group.Port())
			c, elsewhere := b.conn(Join(mine)), b.conn(Join(other))
			b.write(b.conn(NewSender(other)), "not for us")
			b.write(b.conn(NewSender(mine)), "end")
			b.wantOnly(c, "end")
			b.wantOnly(elsewhere, "not for us")
		})
	}
}

func TestUnicastToTheGroupsPortStaysAway(t *testing.T) {
	b := newBed(t)
	o := b.options("239.77.1.2")
	c := b.conn(Join(o))
	d := b.conn(DialUnicast(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), o.Group.Port()), Options{}))
	b.write(d, "not for us")
	b.write(b.conn(NewSender(o)), "end")
	b.wantOnly(c, "end")
}

func TestOtherSourcesStayAway(t *testing.T) {
	tests := []struct{ group, ours, theirs string }{
		{"232.77.1.2", "127.0.0.1", "127.0.0.2"},
		{"ff35::8000:7777", "fd77::1", "fd77::2"},
	}
	for _, test := range tests {
		t.Run(test.group, func(t *testing.T) {
			b := newBed(t)
			o := b.options(test.group)
			stranger := o
			o.Source, stranger.Source = netip.MustParseAddr(test.ours), netip.MustParseAddr(test.theirs)
			c, theirs := b.conn(Join(o)), b.conn(Join(stranger))
			b.write(b.conn(NewSender(stranger)), "not for us")
			b.write(b.conn(NewSender(o)), "end")
			if d := b.wantOnly(c, "end"); d.From.Addr() != o.Source {
				t.Errorf("From = %v, want %v", d.From, o.Source)
			}
			b.wantOnly(theirs, "not for us")
		})
	}
}

func TestUnicast(t *testing.T) {
	for _, local := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
		t.Run(local, func(t *testing.T) {
			b := newBed(t)
			if local != "127.0.0.1:0" {
				b.enterNamespace() // has IPv6 for sure
			}
			l := b.conn(ListenUnicast(netip.MustParseAddrPort(local), Options{}))
			to := l.LocalAddr()
			if to.Addr().IsUnspecified() { // hears IPv4, too
				to = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), to.Port())
			}
			d := b.conn(DialUnicast(to, Options{}))
			b.write(d, "ask")
			from := b.wantOnly(l, "ask").From
			if from != d.LocalAddr() {
				t.Errorf("From = %v, want %v", from, d.LocalAddr())
			}
			if err := l.WriteTo([]byte("answer"), from); err != nil {
				t.Fatal(err)
			}
			b.wantOnly(d, "answer")
		})
	}
}

func TestDeadPeerIsNoError(t *testing.T) {
	b := newBed(t)
	l := b.conn(ListenUnicast(loopbackAnyPort, Options{}))
	d := b.conn(DialUnicast(l.LocalAddr(), Options{}))
	l.Close()
	for range 3 {
		b.write(d, "anyone?")
		if batch, err := d.Read(); len(batch) != 0 || err != nil {
			t.Fatalf("Read = %v, %v", batch, err)
		}
	}
	if d.Stats().Unreachable == 0 {
		t.Error("no answer of the dead port was counted")
	}
}

func TestPortInUse(t *testing.T) {
	b := newBed(t)
	l := b.conn(ListenUnicast(netip.MustParseAddrPort("0.0.0.0:0"), Options{}))
	_, err := ListenUnicast(l.LocalAddr(), Options{})
	wantError(t, "listen", err, "in use by another program; choose another port")
	_, err = Join(Options{Group: netip.AddrPortFrom(netip.MustParseAddr("239.77.1.2"), l.LocalAddr().Port()), Interface: "lo"})
	wantError(t, "join", err, "choose another port for the group")
	_, err = ListenUnicast(netip.MustParseAddrPort("192.0.2.1:0"), Options{})
	wantError(t, "address", err, "not an address of this machine")
}

func TestInjectedLoss(t *testing.T) {
	b := newBed(t)
	o := b.options("239.77.1.2")
	o.Loss, o.LossSeed = 0.1, 7
	lossy := b.conn(Join(o))
	twin := b.conn(Join(o))
	o.Loss = 0
	s := b.conn(NewSender(o))
	const total = 5000
	var got, same uint64
	for i := range total {
		b.write(s, fmt.Sprint(i))
		one, err1 := lossy.Read()
		two, err2 := twin.Read()
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		got += uint64(len(one))
		if len(one) == len(two) {
			same++
		}
	}
	lost := lossy.Stats().PacketsInjected
	if got+lost != total || lost < 400 || lost > 600 || same != total {
		t.Errorf("of %d datagrams %d arrived, %d were thrown away (want about 500), %d the same with the same seed", total, got, lost, same)
	}
}

func TestLongDatagrams(t *testing.T) {
	b := newBed(t)
	o := b.options("239.77.1.2")
	o.PacketLimit = 100
	c := b.conn(Join(o))
	s := b.conn(NewSender(o))
	b.write(s, string(bytes.Repeat([]byte("x"), 101)), string(bytes.Repeat([]byte("y"), 100)))
	if batch := b.read(c); len(batch) != 1 || len(batch[0].Payload) != 100 || c.Stats().PacketsTruncated != 1 {
		t.Errorf("%d datagrams, stats %+v", len(batch), c.Stats())
	}
	if n, err := s.Write([][]byte{[]byte("fits"), make([]byte, 65536)}); n != 1 {
		t.Errorf("Write = %d, %v, want 1 and an error", n, err)
	} else {
		wantError(t, "too long", err, "65536 bytes is longer than the link allows")
	}
}

func TestSocketDropsAreCounted(t *testing.T) {
	b := newBed(t)
	o := b.options("239.77.1.2")
	o.ReceiveBuffer = 16 << 10
	c := b.conn(Join(o))
	s := b.conn(NewSender(o))
	payload := make([]byte, 1400)
	const total = 200
	for range total {
		if _, err := s.Write([][]byte{payload}); err != nil {
			t.Fatal(err)
		}
	}
	for batch := b.read(c); len(batch) > 0; {
		batch, _ = c.Read()
	}
	b.write(s, "end") // brings the counter
	b.wantOnly(c, "end")
	stats := c.Stats()
	if stats.SocketDrops == 0 || stats.SocketDrops+stats.PacketsReceived != total+1 {
		t.Errorf("%d received and %d dropped, want %d in all and drops", stats.PacketsReceived, stats.SocketDrops, total+1)
	}
	if stats.ReceiveBuffer < 16<<10 || stats.ReceiveBuffer > 64<<10 {
		t.Errorf("granted %d bytes, asked %d", stats.ReceiveBuffer, 16<<10)
	}
}

func TestKeepersAreCaught(t *testing.T) {
	if !overwriteBatches {
		t.Skip("SKIPPED: batches are overwritten under the race detector only")
	}
	b := newBed(t)
	o := b.options("239.77.1.2")
	c := b.conn(Join(o))
	b.write(b.conn(NewSender(o)), "kept")
	kept := b.read(c)[0].Payload
	if _, err := c.Read(); err != nil || string(kept) == "kept" {
		t.Errorf("the batch before still reads %q", kept)
	}
}

func TestNothingAllocates(t *testing.T) {
	if overwriteBatches {
		t.Skip("SKIPPED: the race detector allocates")
	}
	b := newBed(t)
	o := b.options("239.77.1.2")
	c := b.conn(Join(o))
	s := b.conn(NewSender(o))
	l := b.conn(ListenUnicast(loopbackAnyPort, Options{}))
	to := l.LocalAddr()
	p, err := NewPoller(c)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	batch := [][]byte{make([]byte, 1400), make([]byte, 1400)}
	allocations := testing.AllocsPerRun(100, func() {
		_, _ = s.Write(batch)
		_ = p.Wait(b.clock.Now().Add(time.Second))
		_, _ = c.Read()
		_ = l.WriteTo(batch[0], to)
		_, _ = l.Read()
	})
	if allocations != 0 {
		t.Errorf("%v allocations a turn, want none", allocations)
	}
}

func TestClosed(t *testing.T) {
	b := newBed(t)
	c := b.conn(Join(b.options("239.77.1.2")))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := c.Read()
	wantError(t, "read", err, "closed")
	_, err = c.Write([][]byte{nil})
	wantError(t, "write", err, "closed")
	if err := c.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}
