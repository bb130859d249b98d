package netns

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
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
	return nil
}

// Bed is the network. Its methods and those of its hosts may be called from any goroutine,
// but Close only once all others have returned.
type Bed struct {
	// Origin is the host the content comes from.
	Origin *Host
	// Edges are the hosts it goes to.
	Edges []*Host

	bridge *space
	config Config
}

// Open makes the namespaces, the links and the loss. It returns ErrNotAllowed where this
// process may not (see Enter), and where the kernel lacks something. The caller closes
// the Bed.
func Open(c Config) (*Bed, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.MTU == 0 {
		c.MTU = 1500
	}
	b := &Bed{config: c}
	if err := b.build(); err != nil {
		b.Close() // no error of it says more
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.ENOENT) {
			err = fmt.Errorf("%w: the kernel needs veth, bridge, and nftables with netdev ingress and numgen: %w", ErrNotAllowed, err)
		}
		return nil, err
	}
	return b, nil
}

func (b *Bed) build() (err error) {
	if b.bridge, err = newSpace(); err != nil {
		return err
	}
	if err := b.bridge.do(func() error { return addBridge(b.config.MTU) }); err != nil {
		return fmt.Errorf("netns: making the switch: %w", err)
	}
	b.Origin, err = b.addHost("origin", netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr("fd77::1"), b.config.FeedbackLoss)
	if err != nil {
		return err
	}
	for i := range b.config.Edges {
		last := byte(i + 1)
		addr4 := netip.AddrFrom4([4]byte{10, 77, 1, last})
		addr6 := netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x77, 13: 1, 15: last})
		edge, err := b.addHost(fmt.Sprintf("edge-%d", i+1), addr4, addr6, b.config.Loss)
		if err != nil {
			return err
		}
		b.Edges = append(b.Edges, edge)
	}
	return nil
}

// Close kills what still runs in the hosts and gives everything back. A second Close does
// nothing.
func (b *Bed) Close() error {
	var errs []error
	for _, h := range append(b.Edges, b.Origin) {
		if h != nil {
			errs = append(errs, h.space.close())
		}
	}
	if b.bridge != nil {
		errs = append(errs, b.bridge.close())
	}
	b.Origin, b.Edges, b.bridge = nil, nil, nil
	return errors.Join(errs...)
}
