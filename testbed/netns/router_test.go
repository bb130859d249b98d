package netns

import (
	"net/netip"
	"testing"
	"time"

	"fanfare/internal/mcast"
)

// twoSegments is an origin and an edge on one switch, two edges on another, and a router between.
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
			o := mcast.Options{Group: netip.MustParseAddrPort(test.group), Source: test.source, Interface: hostInterface, TTL: 2}
			c := join(t, far, o)
			s := sender(t, origin, o)
			if got := readRepeated(t, c, s, "two"); got != "two" {
				t.Errorf("got %q", got)
			}
		})
	}
}

// readRepeated sends a text until something is read, which takes until a router has heard of the reader.
func readRepeated(t *testing.T, c, s *mcast.Conn, text string) string {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if _, err := s.Write([][]byte{[]byte(text)}); err != nil {
			t.Fatal(err)
		}
		batch, err := c.Read()
		if err != nil {
			t.Fatal(err)
		}
		if len(batch) > 0 {
			return string(batch[0].Payload)
		}
	}
	t.Fatal("nothing arrived")
	return ""
}
