package netns

import (
	"errors"
	"fmt"

	"fanfare/testbed/netem"
)

// maxEdges is what the addressing and one bridge have room for.
const maxEdges = 250

// Config describes a bed. Its zero value is an origin without edges and without loss.
type Config struct {
	// Edges is the number of edge hosts, 0 to 250.
	Edges int
	// Loss is the share of packets, 0 to 1, lost on the way to each edge, each edge
	// independently of the others.
	Loss float64
	// FeedbackLoss is the share of packets lost on the way to the origin.
	FeedbackLoss float64
	// LoseTCP extends the loss to TCP; otherwise only UDP is lost.
	LoseTCP bool
	// Down is what the link of every edge does to packets on their way to it, Up to those that it
	// sends, besides the loss above: everything is subject to it, TCP and neighbour discovery too.
	Down, Up netem.Config
	// Seed decides the random draws of Down and Up.
	Seed uint64
	// MTU of every link in bytes; 0 means 1,500.
	MTU int
	// Offloads leaves segmentation offloads on: a train of segments then crosses a link, and
	// is lost, as one packet. Without it a packet is a packet.
	Offloads bool
}

// Validate reports what is out of range.
func (c *Config) Validate() error {
	switch {
	case c.Edges < 0 || c.Edges > maxEdges:
		return fmt.Errorf("netns: %d edges is not between 0 and %d", c.Edges, maxEdges)
	case !(c.Loss >= 0 && c.Loss <= 1) || !(c.FeedbackLoss >= 0 && c.FeedbackLoss <= 1):
		return fmt.Errorf("netns: loss %v or feedback loss %v is not between 0 and 1", c.Loss, c.FeedbackLoss)
	case c.MTU != 0 && (c.MTU < 1280 || c.MTU > 65535):
		return fmt.Errorf("netns: MTU %d is not between 1,280 (the least for IPv6) and 65,535", c.MTU)
	}
	return errors.Join(c.Down.Validate(), c.Up.Validate())
}

// Bed is the simplest network: one switch, and hosts around it.
type Bed struct {
	// Origin is the host the content comes from.
	Origin *Host
	// Edges are the hosts it goes to.
	Edges []*Host

	network *Network
}

// Open makes the namespaces, the links and the loss. It returns ErrNotAllowed where this
// process may not (see Enter), and where the kernel lacks something. The caller closes
// the Bed.
func Open(c Config) (*Bed, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	n, err := Build(c.topology())
	if err != nil {
		return nil, err
	}
	b := &Bed{Origin: n.Hosts[0], Edges: n.Hosts[1:], network: n}
	if err := b.lose(c); err != nil {
		b.Close() // no error of it says more
		return nil, err
	}
	return b, nil
}

// topology is the bed as a Topology.
func (c Config) topology() Topology {
	const hub = "switch"
	t := Topology{
		Hosts:    []string{"origin"},
		Switches: []Switch{{Name: hub}},
		Links:    []LinkConfig{{A: hub, B: "origin"}},
		MTU:      c.MTU, Offloads: c.Offloads, Seed: c.Seed,
	}
	for i := range c.Edges {
		name := fmt.Sprintf("edge-%d", i+1)
		t.Hosts = append(t.Hosts, name)
		t.Links = append(t.Links, LinkConfig{A: hub, B: name, AtoB: c.Down, BtoA: c.Up})
	}
	return t
}

// lose sets the loss at the hosts.
func (b *Bed) lose(c Config) error {
	for i, h := range append([]*Host{b.Origin}, b.Edges...) {
		h.loseTCP = c.LoseTCP
		loss := c.Loss
		if i == 0 {
			loss = c.FeedbackLoss
		}
		if loss == 0 {
			continue
		}
		if err := h.SetLoss(loss); err != nil {
			if lacking(err) {
				err = fmt.Errorf("%w: the kernel needs nftables with netdev ingress and numgen: %w", ErrNotAllowed, err)
			}
			return err
		}
	}
	return nil
}

// Close kills what still runs in the hosts and gives everything back. A second Close does
// nothing.
func (b *Bed) Close() error {
	b.Origin, b.Edges = nil, nil
	return b.network.Close()
}
