package netns

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"fanfare/internal/mcast"
)

// lossTotal is how many numbered datagrams each listener of the test of loss is sent.
const lossTotal = 20_000

// listener is a socket in a host that loses datagrams, and which numbers arrived there.
type listener struct {
	host    *Host
	conn    *mcast.Conn
	arrived [lossTotal]bool
}

// drain takes in what has arrived.
func (l *listener) drain(t *testing.T) {
	t.Helper()
	for {
		batch, err := l.conn.Read()
		if err != nil {
			t.Fatal(err)
		}
		if len(batch) == 0 {
			return
		}
		for _, d := range batch {
			l.arrived[binary.BigEndian.Uint32(d.Payload)] = true
		}
	}
}

// wait drains until every datagram has arrived or was lost: they cross the bridge on
// another processor's time.
func (l *listener) wait(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if l.drain(t); l.conn.Stats().PacketsReceived+dropCount(t, l.host) >= lossTotal {
			return
		}
	}
}

// lost is how many did not arrive, which the host's own count and the socket's must bear out.
func (l *listener) lost(t *testing.T) (n int) {
	t.Helper()
	for _, arrived := range l.arrived {
		if !arrived {
			n++
		}
	}
	if counted := dropCount(t, l.host); int(counted) != n {
		t.Errorf("%s counts %d dropped, %d are missing", l.host.Name, counted, n)
	}
	if dropped := l.conn.Stats().SocketDrops; dropped != 0 {
		t.Errorf("the socket of %s dropped %d", l.host.Name, dropped)
	}
	return n
}

func TestLoss(t *testing.T) {
	b := openBed(t, Config{Edges: 2, Loss: 0.1, FeedbackLoss: 0.2})
	o := mcast.Options{Group: netip.MustParseAddrPort("239.77.1.2:5000"), Interface: b.Origin.Interface, ReceiveBuffer: 4 << 20}
	address := netip.AddrPortFrom(b.Origin.Addr4, 5001)
	one := &listener{host: b.Edges[0], conn: join(t, b.Edges[0], o)}
	two := &listener{host: b.Edges[1], conn: join(t, b.Edges[1], o)}
	origin := &listener{host: b.Origin, conn: conn(t, b.Origin, func() (*mcast.Conn, error) { return mcast.ListenUnicast(address, o) })}
	data := sender(t, b.Origin, o)
	feedback := conn(t, b.Edges[0], func() (*mcast.Conn, error) { return mcast.DialUnicast(address, o) })

	listeners := []*listener{one, two, origin}
	for i := range lossTotal {
		batch := [][]byte{binary.BigEndian.AppendUint32(nil, uint32(i))}
		for _, s := range []*mcast.Conn{data, feedback} {
			if n, err := s.Write(batch); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		for _, l := range listeners {
			if i%64 == 63 {
				l.drain(t)
			}
		}
	}
	for _, l := range listeners {
		l.wait(t)
	}

	var both int
	for i := range lossTotal {
		if !one.arrived[i] && !two.arrived[i] {
			both++
		}
	}
	// Six standard deviations either way.
	wantBetween(t, "lost by edge 1", one.lost(t), 2000-255, 2000+255)
	wantBetween(t, "lost by edge 2", two.lost(t), 2000-255, 2000+255)
	wantBetween(t, "lost by both", both, 200-85, 200+85)
	wantBetween(t, "feedback lost", origin.lost(t), 4000-340, 4000+340)
}

func dropCount(t *testing.T, h *Host) uint64 {
	t.Helper()
	n, err := h.Dropped()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func wantBetween(t *testing.T, what string, got, low, high int) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s: %d, want %d to %d", what, got, low, high)
	}
}

func TestSetLoss(t *testing.T) {
	b := openBed(t, Config{Edges: 1, Loss: 1})
	o := mcast.Options{Group: netip.MustParseAddrPort("239.77.1.2:5000"), Interface: hostInterface}
	c, s := join(t, b.Edges[0], o), sender(t, b.Origin, o)
	for _, loss := range []float64{1, 0} {
		if err := b.Edges[0].SetLoss(loss); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write([][]byte{fmt.Appendf(nil, "%v", loss)}); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(time.Minute); loss == 1 && dropCount(t, b.Edges[0]) == 0 && time.Now().Before(end); {
		}
	}
	if got := readFirst(t, c); got != "0" {
		t.Errorf("got %q", got)
	}
	if err := b.Edges[0].SetLoss(2); err == nil {
		t.Error("no error for a loss of 2")
	}
}
