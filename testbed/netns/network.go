package netns

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Network is a Topology that has been built. Its methods, and those of its hosts and links, may be
// called from any goroutine, but Close only once all others have returned.
type Network struct {
	// Hosts are in the order of the Topology.
	Hosts []*Host
	// Links are in the order of the Topology.
	Links []*Link

	topology Topology
	switches map[string]*space
	routers  []*router
	groups   *groups
	emulator *emulator
	starting sync.Mutex // of the emulator
}

// Build makes the namespaces, the links and their faults. It returns an error that wraps ErrTopology if
// t describes no network, and ErrNotAllowed where this process may not make one (see Enter)
// or the kernel lacks something. The caller closes the Network.
func Build(t Topology) (*Network, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	if t.MTU == 0 {
		t.MTU = 1500
	}
	p, err := newPlan(t)
	if err != nil {
		return nil, err
	}
	n := &Network{topology: t, switches: map[string]*space{}}
	if err := n.build(p); err != nil {
		n.Close() // no error of it says more
		if lacking(err) {
			err = fmt.Errorf("%w: the kernel needs veth, bridge, packet sockets for faults, and multicast routing for routers: %w", ErrNotAllowed, err)
		}
		return nil, err
	}
	return n, nil
}

// lacking reports whether an error says that the kernel was built without something.
func lacking(err error) bool {
	for _, e := range []error{unix.EOPNOTSUPP, unix.EPROTONOSUPPORT, unix.EAFNOSUPPORT, unix.ENOENT, unix.ENOPROTOOPT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (n *Network) build(p *plan) error {
	for _, s := range p.switches {
		space, err := newSpace()
		if err != nil {
			return err
		}
		n.switches[s.Name] = space
		if err := space.do(func() error { return addBridge(n.topology.MTU, s.Snooping) }); err != nil {
			return fmt.Errorf("netns: making switch %s: %w", s.Name, err)
		}
	}
	spaces := map[string]*space{}
	for name, s := range n.switches {
		spaces[name] = s
	}
	for _, node := range p.nodes {
		s, err := n.addNode(node)
		if err != nil {
			return err
		}
		spaces[node.name] = s
	}
	if err := n.addLinks(p, spaces); err != nil {
		return err
	}
	for _, node := range p.nodes {
		if err := spaces[node.name].do(func() error { return node.configure(n.topology.Offloads) }); err != nil {
			return fmt.Errorf("netns: making %s: %w", node.name, err)
		}
	}
	if err := n.setFaults(); err != nil {
		return err
	}
	for name, s := range spaces {
		if err := s.do(func() error { return awaitUp() }); err != nil {
			return fmt.Errorf("netns: starting %s: %w", name, err)
		}
	}
	return n.route()
}

// addNode makes the namespace of a host or router.
func (n *Network) addNode(node *node) (*space, error) {
	s, err := newSpace()
	if err != nil {
		return nil, err
	}
	if node.router {
		n.routers = append(n.routers, &router{node: node, space: s})
		return s, nil
	}
	q := node.ports[0]
	n.Hosts = append(n.Hosts, &Host{
		Name: node.name, Interface: q.device, space: s,
		Addr4: q.prefix4.Addr(), Addr6: q.prefix6.Addr(),
	})
	return s, nil
}

// addLinks makes all links, without faults.
func (n *Network) addLinks(p *plan, spaces map[string]*space) error {
	ports := map[string]int{}
	for i, pl := range p.links {
		l := &Link{
			A: pl.A, B: pl.B, network: n, number: i, reverse: pl.reverse,
			near: spaces[pl.near], far: spaces[pl.far],
		}
		_, toSwitch := n.switches[pl.far]
		if toSwitch {
			l.farDevice = fmt.Sprintf("u%d", i)
		} else {
			l.farDevice = fmt.Sprintf("eth%d", ports[pl.far])
			ports[pl.far]++
		}
		if err := l.make(toSwitch); err != nil {
			return fmt.Errorf("netns: making link %s - %s: %w", pl.near, pl.far, err)
		}
		if !pl.quiet {
			n.Links = append(n.Links, l)
		}
	}
	for _, l := range n.Links {
		for _, h := range n.Hosts {
			if h.Name == l.A || h.Name == l.B {
				h.link, h.linkIsB = l, h.Name == l.B
			}
		}
	}
	return nil
}

// setFaults makes the faults of all links that have some: several at once, as the kernel
// takes tens of milliseconds for each packet socket, most of which it waits.
func (n *Network) setFaults() error {
	var all errgroup.Group
	all.SetLimit(16)
	for i, l := range n.Links {
		c := n.topology.Links[i]
		if !c.AtoB.Clear() || !c.BtoA.Clear() {
			all.Go(func() error { return l.SetFaults(c.AtoB, c.BtoA) })
		}
	}
	return all.Wait()
}

// route starts multicast routing.
func (n *Network) route() (err error) {
	if len(n.routers) == 0 {
		return nil
	}
	n.groups, err = routeGroups(n.routers, n.topology.IPv6Only)
	return err
}

// Host returns a host by name, nil if there is none.
func (n *Network) Host(name string) *Host {
	for _, h := range n.Hosts {
		if h.Name == name {
			return h
		}
	}
	return nil
}

// Link returns the link between two names, in either order, nil if there is none.
func (n *Network) Link(a, b string) *Link {
	for _, l := range n.Links {
		if l.A == a && l.B == b || l.A == b && l.B == a {
			return l
		}
	}
	return nil
}

// Close kills what still runs in the hosts and gives everything back. A second Close does
// nothing.
func (n *Network) Close() error {
	var errs []error
	if n.groups != nil {
		errs = append(errs, n.groups.close())
	}
	if n.emulator != nil {
		n.emulator.close()
	}
	for _, h := range n.Hosts {
		errs = append(errs, h.space.close())
	}
	for _, r := range n.routers {
		errs = append(errs, r.space.close())
	}
	for _, s := range n.switches {
		errs = append(errs, s.close())
	}
	n.Hosts, n.Links, n.routers, n.switches, n.groups, n.emulator = nil, nil, nil, nil, nil, nil
	return errors.Join(errs...)
}
