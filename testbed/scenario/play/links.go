package play

import (
	"fmt"

	"fanfare/testbed/netns"
	"fanfare/testbed/report"
	"fanfare/testbed/scenario"
)

// network is the scenario's machines and links as namespaces: all that this package asks of
// package netns.
type network struct {
	bed    *netns.Bed
	origin *netns.Host
	edges  []*netns.Host
	links  []scenario.Link // of the edges
	cut    map[*netns.Host]bool
}

// openNetwork makes the namespaces.
func openNetwork(s *scenario.Scenario) (*network, error) {
	n := &network{cut: map[*netns.Host]bool{}}
	for _, e := range s.Topology.Edges {
		n.links = append(n.links, s.LinkOf(e.Name))
	}
	bed, err := netns.Open(netns.Config{Edges: len(n.links), MTU: s.Session.MTU, LoseTCP: true})
	if err != nil {
		return nil, err
	}
	n.bed, n.origin, n.edges = bed, bed.Origin, bed.Edges
	for i, l := range n.links {
		if err := n.set(i, l.Down, l.Up); err != nil {
			bed.Close()
			return nil, err
		}
	}
	return n, nil
}

// set gives a link other faults.
func (n *network) set(i int, down, up scenario.Faults) error {
	plain := down
	plain.Loss = 0
	if plain.String() != "no faults" || up.String() != "no faults" {
		return fmt.Errorf("%w: links like that", errNotHere)
	}
	n.links[i] = scenario.Link{Down: down, Up: up}
	return n.edges[i].SetLoss(float64(down.Loss))
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

// counted returns what the links of an edge did.
func (n *network) counted(i int) (down, up report.Link) {
	down.Faults, up.Faults = n.links[i].Down.String(), n.links[i].Up.String()
	lost, err := n.edges[i].Dropped()
	if err == nil {
		down.Lost = lost
	}
	return down, up
}

func (n *network) close() error { return n.bed.Close() }
