package play

import (
	"fmt"
	"slices"

	"fanfare/testbed/netns"
	"fanfare/testbed/report"
	"fanfare/testbed/scenario"
)

// maxProcesses is how many edges are run as processes of one machine.
const maxProcesses = 64

// network is the scenario's machines and links as namespaces: all that this package asks of
// package netns.
type network struct {
	built  *netns.Network
	origin *netns.Host
	edges  []*netns.Host
	links  []scenario.Link // of the edges
	cut    map[*netns.Host]bool
}

// openNetwork makes the namespaces.
func openNetwork(s *scenario.Scenario) (*network, error) {
	if len(s.Topology.Edges) > maxProcesses {
		return nil, fmt.Errorf("%w: %d edges are too many processes, at most %d; take --sim", errNotHere, len(s.Topology.Edges), maxProcesses)
	}
	built, err := netns.Build(topologyOf(s))
	if err != nil {
		return nil, err
	}
	n := &network{built: built, origin: built.Host(scenario.Origin), cut: map[*netns.Host]bool{}}
	for _, e := range s.Topology.Edges {
		n.edges = append(n.edges, built.Host(e.Name))
		n.links = append(n.links, s.LinkOf(e.Name))
	}
	return n, nil
}

// topologyOf is the scenario's topology as package netns has it. With several switches they listen
// to who wants what, as routers need it.
func topologyOf(s *scenario.Scenario) netns.Topology {
	t := netns.Topology{
		Hosts: []string{scenario.Origin}, MTU: s.Session.MTU, IPv6Only: s.Session.IPv6, Seed: s.Seed,
	}
	for _, name := range s.Topology.Switches {
		t.Switches = append(t.Switches, netns.Switch{Name: name, Snooping: len(s.Topology.Switches) > 1})
	}
	add := func(at, name string, l scenario.Link) {
		t.Links = append(t.Links, netns.LinkConfig{A: at, B: name, AtoB: l.Down.Model(), BtoA: l.Up.Model()})
	}
	// Down is away from the origin, also on its own link.
	own := s.LinkOf(scenario.Origin)
	add(s.Topology.Origin, scenario.Origin, scenario.Link{Down: own.Up, Up: own.Down})
	for _, e := range s.Topology.Edges {
		t.Hosts = append(t.Hosts, e.Name)
		add(e.Switch, e.Name, s.LinkOf(e.Name))
	}
	for _, r := range s.Topology.Routers {
		t.Routers = append(t.Routers, r.Name)
		for _, name := range r.Between {
			add(name, r.Name, scenario.Link{})
		}
	}
	return t
}

// set gives a link other faults.
func (n *network) set(i int, down, up scenario.Faults) error {
	n.links[i] = scenario.Link{Down: down, Up: up}
	return n.edges[i].SetFaults(down.Model(), up.Model())
}

// plug pulls the cable of an edge, or plugs it in again.
func (n *network) plug(h *netns.Host, in bool) error {
	n.cut[h] = !in
	if in {
		return h.Heal()
	}
	return h.Cut()
}

// isCut reports whether a host cannot be reached: its own cable is out, or the origin's.
func (n *network) isCut(h *netns.Host) bool { return n.cut[h] || n.cut[n.origin] }

// counted returns what the link of an edge did.
func (n *network) counted(i int) (down, up report.Link) {
	d, u := n.edges[i].LinkStats()
	return linkResult(n.links[i].Down, d), linkResult(n.links[i].Up, u)
}

func linkResult(f scenario.Faults, s netns.LinkStats) report.Link {
	return report.Link{
		Faults: f.String(), Counted: s.Sent > 0, Sent: s.Sent, Lost: s.Lost, QueueDrops: s.QueueDrops,
		Duplicated: s.Duplicated, Reordered: s.Reordered, Corrupted: s.Corrupted,
	}
}

// missed counts the packets that the emulator itself lost, for want of processor time.
func (n *network) missed() (packets uint64) {
	for _, h := range slices.Concat(n.edges, []*netns.Host{n.origin}) {
		down, up := h.LinkStats()
		packets += down.Missed + up.Missed
	}
	return packets
}

func (n *network) close() error { return n.built.Close() }
