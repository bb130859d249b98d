package netns

import (
	"context"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"fanfare/internal/mcast"
	"fanfare/testbed/netem"
)

// twoSegments is an origin and an edge on one switch, two edges on another, and a router between. Both
// switches snoop.
func twoSegments(t *testing.T, change func(*Topology)) *Network {
	t.Helper()
	top := Topology{
		Hosts:    []string{"origin", "near", "far", "idle"},
		Switches: []Switch{{Name: "left", Snooping: true}, {Name: "right", Snooping: true}},
		Routers:  []string{"router"},
		Links: []LinkConfig{
			{A: "left", B: "origin"}, {A: "left", B: "near"}, {A: "left", B: "router"},
			{A: "right", B: "router"}, {A: "right", B: "far"}, {A: "right", B: "idle"},
		},
	}
	if change != nil {
		change(&top)
	}
	return buildNetwork(t, top)
}

// sends is a sender that repeats itself: until a reader has been heard of by a router, what is
// sent does not reach it, and there is nothing to wait for.
type sends struct {
	*testing.T
	*mcast.Conn
}

// until sends a text until done says so, a minute at most, and reports whether it did.
func (s sends) until(text string, done func() bool) bool {
	s.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		s.once(text)
		if done() {
			return true
		}
	}
	return false
}

func (s sends) once(text string) {
	s.Helper()
	if _, err := s.Write([][]byte{[]byte(text)}); err != nil {
		s.Fatal(err)
	}
}

// reads returns a function that reports whether a text, or one with it as a prefix, has been read.
func reads(t *testing.T, c *mcast.Conn, text string) func() bool {
	return func() (found bool) {
		batch, err := c.Read()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range batch {
			found = found || strings.HasPrefix(string(d.Payload), text)
		}
		return found
	}
}

func TestRouter(t *testing.T) {
	n := twoSegments(t, nil)
	origin, far := n.Host("origin"), n.Host("far")
	for _, test := range []struct {
		group  string
		source netip.Addr
	}{
		{"239.77.1.2:5000", netip.Addr{}},
		{"232.77.1.2:5000", origin.Addr4},
		{"[ff15::7777]:5000", netip.Addr{}},
		{"[ff35::8000:7777]:5000", origin.Addr6},
	} {
		t.Run(test.group, func(t *testing.T) {
			o := mcast.Options{Group: netip.MustParseAddrPort(test.group), Source: test.source, Interface: hostInterface}
			near, c := join(t, n.Host("near"), o), join(t, far, o)
			one := sends{t, sender(t, origin, o)}
			o.TTL = 2
			two := sends{t, sender(t, origin, o)}
			if !two.until("two hops", reads(t, c, "two hops")) {
				t.Fatal("no packet with two hops to go came through the router")
			}
			// The router knows the stream now: what has one hop to go gets to the first segment only.
			if !one.until("one hop", reads(t, near, "one hop")) {
				t.Error("no packet with one hop to go came to the first segment")
			}
			var oneHop bool
			two.until("the last", func() bool {
				batch, err := c.Read()
				if err != nil {
					t.Fatal(err)
				}
				var last bool
				for _, d := range batch {
					oneHop = oneHop || string(d.Payload) == "one hop"
					last = last || string(d.Payload) == "the last"
				}
				return last
			})
			if oneHop {
				t.Error("a packet with one hop to go came through the router")
			}
		})
	}
}

// TestOtherSourceIsNotRouted joins one source of a group behind a router, and sends from another.
func TestOtherSourceIsNotRouted(t *testing.T) {
	n := twoSegments(t, nil)
	origin, far := n.Host("origin"), n.Host("far")
	for _, test := range []struct {
		group  string
		source netip.Addr
	}{{"232.77.1.2:5000", origin.Addr4}, {"[ff35::8000:7777]:5000", origin.Addr6}} {
		o := mcast.Options{Group: netip.MustParseAddrPort(test.group), Source: test.source, Interface: hostInterface, TTL: 2}
		c := join(t, far, o)
		right := sends{t, sender(t, origin, o)}
		if !right.until("the source", reads(t, c, "the source")) {
			t.Fatal("nothing came from the source")
		}
		o.Source = netip.Addr{}
		wrong := sends{t, sender(t, n.Host("near"), o)}
		before := packets(t, far)
		for range 1000 {
			wrong.once("another source")
		}
		if !right.until("and again", reads(t, c, "and again")) {
			t.Fatal("nothing came from the source any more")
		}
		if got := packets(t, far) - before; got > 500 {
			t.Errorf("%s: %d packets came to the far host, of 1,000 from another source", test.group, got)
		}
	}
}

func packets(t *testing.T, h *Host) uint64 {
	t.Helper()
	s, err := h.statistics()
	if err != nil {
		t.Fatal(err)
	}
	return s.RxPackets
}

// TestSnooping shows that who did not join, or left, gets nothing, on either side of a router.
func TestSnooping(t *testing.T) {
	n := twoSegments(t, nil)
	for _, group := range []string{"239.77.1.3:5000", "[ff15::7778]:5000"} {
		o := mcast.Options{Group: netip.MustParseAddrPort(group), Interface: hostInterface, TTL: 2}
		s := sends{t, sender(t, n.Host("origin"), o)}
		// Until a querier has asked once, switches flood.
		quiet := func(h *Host) func() bool {
			return func() bool {
				before := packets(t, h)
				for range 200 {
					s.once("to nobody")
				}
				return packets(t, h)-before < 100
			}
		}
		c := join(t, n.Host("far"), o)
		for _, h := range []*Host{n.Host("idle"), n.Host("near")} {
			if !s.until("to far", quiet(h)) {
				t.Errorf("%s: %s, which did not join, gets it all the same", group, h.Name)
			}
		}
		if !s.until("to far", reads(t, c, "to far")) {
			t.Errorf("%s: far, which joined, does not get it", group)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if !s.until("to nobody", quiet(n.Host("far"))) {
			t.Errorf("%s: far, which left, gets it all the same", group)
		}
	}
}

// TestChain sends through two routers with a link between them that has faults, in a network
// without IPv4 too.
func TestChain(t *testing.T) {
	for _, only6 := range []bool{false, true} {
		delay := netem.Config{Delay: 5 * time.Millisecond}
		n := buildNetwork(t, Topology{
			Hosts:    []string{"origin", "edge"},
			Switches: []Switch{{Name: "hub", Snooping: true}},
			Routers:  []string{"one", "two"},
			Links: []LinkConfig{
				{A: "origin", B: "one"},
				{A: "one", B: "two", AtoB: delay, BtoA: delay},
				{A: "two", B: "hub"}, {A: "hub", B: "edge"},
			},
			IPv6Only: only6,
		})
		origin, edge := n.Host("origin"), n.Host("edge")
		if origin.Addr4.IsValid() == only6 {
			t.Errorf("IPv6Only %v: address %v", only6, origin.Addr4)
		}
		groups := []string{"[ff15::7779]:5000"}
		addresses := []netip.Addr{origin.Addr6}
		if !only6 {
			groups, addresses = append(groups, "239.77.1.4:5000"), append(addresses, origin.Addr4)
		}
		for _, group := range groups {
			o := mcast.Options{Group: netip.MustParseAddrPort(group), Interface: hostInterface, TTL: 3}
			c := join(t, edge, o)
			s := sends{t, sender(t, origin, o)}
			if !s.until("hello", reads(t, c, "hello")) {
				t.Errorf("nothing came to %s through two routers", group)
			}
		}
		for _, a := range addresses {
			if took := exchange(t, origin, edge, a); took < 20*time.Millisecond {
				t.Errorf("TCP to %v: two round trips of 10 ms took %v", a, took)
			}
		}
		if aToB, bToA := n.Link("two", "one").Stats(); aToB.Sent == 0 || bToA.Sent == 0 {
			t.Errorf("stats: %+v, %+v", aToB, bToA)
		}
	}
}

// exchange connects from one host to another, says something, and returns how long it took to get
// it back.
func exchange(t *testing.T, server, client *Host, address netip.Addr) time.Duration {
	t.Helper()
	l, err := server.Listen("tcp", netip.AddrPortFrom(address, 80).String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = io.Copy(c, c)
			c.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	start := time.Now()
	c, err := client.Dial(ctx, "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Write([]byte("hello"))
	if err == nil {
		_, err = io.ReadFull(c, make([]byte, 5))
	}
	if err != nil {
		t.Fatal(err)
	}
	return time.Since(start)
}
