package netns

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fanfare/testbed/netem"
)

func TestTopologyValidate(t *testing.T) {
	hub := []Switch{{Name: "hub"}}
	tests := map[string]struct {
		topology Topology
		says     string
	}{
		"unknown end":  {Topology{Hosts: []string{"a"}, Links: []LinkConfig{{A: "a", B: "b"}}}, `there is no "b"`},
		"name twice":   {Topology{Hosts: []string{"hub"}, Switches: hub}, `"hub" is empty or given twice`},
		"loose host":   {Topology{Hosts: []string{"a"}}, "host a has 0 links"},
		"two links":    {Topology{Hosts: []string{"a"}, Switches: append(hub, Switch{Name: "x"}), Links: []LinkConfig{{A: "a", B: "hub"}, {A: "x", B: "a"}}}, "host a has 2 links"},
		"loop":         {Topology{Routers: []string{"r"}, Switches: append(hub, Switch{Name: "x"}), Links: []LinkConfig{{A: "r", B: "hub"}, {A: "r", B: "x"}, {A: "hub", B: "x"}}}, "closes a loop"},
		"to itself":    {Topology{Switches: hub, Links: []LinkConfig{{A: "hub", B: "hub"}}}, "closes a loop"},
		"small MTU":    {Topology{MTU: 100}, "MTU 100"},
		"bad fault":    {Topology{Hosts: []string{"a"}, Switches: hub, Links: []LinkConfig{{A: "a", B: "hub", BtoA: netem.Config{Loss: 2}}}}, "2 is not a share"},
		"empty name":   {Topology{Routers: []string{""}}, `""`},
		"fine":         {Topology{Hosts: []string{"a"}, Switches: hub, Links: []LinkConfig{{A: "a", B: "hub"}}}, ""},
		"nothing":      {Topology{}, ""},
		"router alone": {Topology{Routers: []string{"r"}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := test.topology.Validate()
			if test.says == "" && err != nil || test.says != "" && (!errors.Is(err, ErrTopology) || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

// describe writes what a plan gives a node.
func (n *node) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", n.name)
	for _, q := range n.ports {
		fmt.Fprintf(&b, " %s %v %v", q.device, q.prefix4, q.prefix6)
	}
	for _, r := range n.routes {
		fmt.Fprintf(&b, "; %v via %v", r.to, r.via)
	}
	return b.String()
}

// TestPlan works out two switches side by side, a router to a host alone, and one between.
func TestPlan(t *testing.T) {
	p, err := newPlan(Topology{
		Hosts:    []string{"origin", "one", "two", "alone"},
		Switches: []Switch{{Name: "left"}, {Name: "middle"}, {Name: "right"}},
		Routers:  []string{"inner", "outer"},
		Links: []LinkConfig{
			{A: "origin", B: "left"}, {A: "left", B: "middle"}, {A: "one", B: "middle"}, {A: "middle", B: "inner"},
			{A: "inner", B: "right"}, {A: "right", B: "two"}, {A: "right", B: "outer"}, {A: "outer", B: "alone"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range p.nodes {
		got = append(got, n.describe())
	}
	want := []string{
		"origin: eth0 10.77.0.1/16 fd77::1/64; 10.78.0.0/16 via 10.77.255.1; fd77:0:0:1::/64 via fd77::ff:1; 10.79.0.0/16 via 10.77.255.1; fd77:0:0:2::/64 via fd77::ff:1",
		"one: eth0 10.77.1.1/16 fd77::1:1/64; 10.78.0.0/16 via 10.77.255.1; fd77:0:0:1::/64 via fd77::ff:1; 10.79.0.0/16 via 10.77.255.1; fd77:0:0:2::/64 via fd77::ff:1",
		"two: eth0 10.78.0.1/16 fd77:0:0:1::1/64; 10.77.0.0/16 via 10.78.255.1; fd77::/64 via fd77::1:0:0:ff:1; 10.79.0.0/16 via 10.78.255.2; fd77:0:0:2::/64 via fd77::1:0:0:ff:2",
		"alone: eth0 10.79.0.1/16 fd77:0:0:2::1/64; 10.77.0.0/16 via 10.79.255.1; fd77::/64 via fd77::2:0:0:ff:1; 10.78.0.0/16 via 10.79.255.1; fd77:0:0:1::/64 via fd77::2:0:0:ff:1",
		"inner: eth0 10.77.255.1/16 fd77::ff:1/64 eth1 10.78.255.1/16 fd77::1:0:0:ff:1/64; 10.79.0.0/16 via 10.78.255.2; fd77:0:0:2::/64 via fd77::1:0:0:ff:2",
		"outer: eth0 10.78.255.2/16 fd77::1:0:0:ff:2/64 eth1 10.79.255.1/16 fd77::2:0:0:ff:1/64; 10.77.0.0/16 via 10.78.255.1; fd77::/64 via fd77::1:0:0:ff:1",
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
	hidden := p.switches[len(p.switches)-1]
	if hidden.Name != "outer - alone" || hidden.Snooping {
		t.Errorf("the link between outer and alone has the switch %+v", hidden)
	}
	if quiet := slices.IndexFunc(p.links, func(l planLink) bool { return l.quiet }); quiet < 0 || p.links[quiet].far != "outer" {
		t.Errorf("no other half of the link between outer and alone: %+v", p.links)
	}
}
