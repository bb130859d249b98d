package netns

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"fanfare/testbed/netem"
)

// probe measures a link with plain UDP: numbered datagrams from the origin to an edge.
type probe struct {
	t        *testing.T
	from, to *net.UDPConn
}

func newProbe(t *testing.T, from, to *Host) *probe {
	t.Helper()
	p := &probe{t: t}
	address := net.UDPAddrFromAddrPort(netip.AddrPortFrom(to.Addr4, 7000))
	err := to.Do(func() (err error) {
		p.to, err = net.ListenUDP("udp4", address)
		return err
	})
	if err == nil {
		err = from.Do(func() (err error) {
			p.from, err = net.DialUDP("udp4", nil, address)
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.from.Close(); p.to.Close() })
	return p
}

// measured is what became of numbered datagrams.
type measured struct {
	times   map[uint32]int
	order   []uint32
	delays  []time.Duration
	arrival []time.Time
}

// send sends n datagrams of some bytes, one each interval, and takes in what arrives until
// nothing has for half a second.
func (p *probe) send(n, size int, interval time.Duration) *measured {
	p.t.Helper()
	m := &measured{times: map[uint32]int{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 2048)
		for {
			size, err := p.to.Read(b)
			now := time.Now()
			if err != nil {
				return
			}
			if size < 12 {
				continue
			}
			number := binary.BigEndian.Uint32(b)
			m.times[number]++
			m.order = append(m.order, number)
			m.arrival = append(m.arrival, now)
			m.delays = append(m.delays, time.Duration(now.UnixNano()-int64(binary.BigEndian.Uint64(b[4:]))))
		}
	}()
	start := time.Now()
	b := make([]byte, size)
	for i := range n {
		for time.Since(start) < time.Duration(i)*interval {
			time.Sleep(time.Duration(i)*interval - time.Since(start))
		}
		binary.BigEndian.PutUint32(b, uint32(i))
		binary.BigEndian.PutUint64(b[4:], uint64(time.Now().UnixNano()))
		if _, err := p.from.Write(b); err != nil {
			p.t.Fatal(err)
		}
	}
	p.to.SetReadDeadline(time.Now().Add(time.Second))
	<-done
	p.to.SetReadDeadline(time.Time{})
	return m
}

func TestZZ(t *testing.T) {
	b := openBed(t, Config{Edges: 2, Down: netem.Config{Delay: 30 * time.Millisecond, Loss: 0.1}, Up: netem.Config{Delay: 10 * time.Millisecond}})
	p := newProbe(t, b.Origin, b.Edges[0])
	m := p.send(2000, 1000, 200*time.Microsecond)
	var min, max, sum time.Duration = time.Hour, 0, 0
	for _, d := range m.delays {
		if d < min {
			min = d
		}
		if d > max {
			max = d
		}
		sum += d
	}
	t.Log(len(m.times), min, max, sum/time.Duration(len(m.delays)))
	down, up := b.Edges[0].LinkStats()
	t.Logf("%+v %+v", down, up)
}
