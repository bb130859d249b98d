package netns

import (
	"errors"
	"fmt"
	"slices"

	"fanfare/testbed/netem"
)

// ErrTopology is wrapped by errors about a Topology that cannot be built.
var ErrTopology = errors.New("netns: bad topology")

// Emulation is how links get their faults.
type Emulation int

const (
	// EmulateAny takes the kernel's netem for links of which it can do all that is asked, where it is
	// there, and the emulator otherwise.
	EmulateAny Emulation = iota
	// EmulateInUserSpace takes our emulator: the same seed, the same draws.
	EmulateInUserSpace
	// EmulateInKernel takes the kernel's netem only, and fails where that cannot be.
	EmulateInKernel
)

// Topology describes a network in general: machines, switches and routers, and the links between
// them, which form a tree or several. Names are unique.
type Topology struct {
	// Hosts are the names of the machines. Each has exactly one link.
	Hosts []string
	// Switches join what is linked to them into one segment.
	Switches []Switch
	// Routers are the names of what forwards between segments, unicast and multicast, of IPv4
	// and IPv6. A router has at most 30 links.
	Routers []string
	Links   []LinkConfig

	// MTU of every link in bytes; 0 means 1,500.
	MTU int
	// Offloads leaves segmentation offloads on: a train of segments then crosses a link without faults
	// as one packet. Without it, and on links with faults, a packet is a packet.
	Offloads bool
	// IPv6Only gives nobody an IPv4 address.
	IPv6Only bool
	// Seed decides the random draws of the emulator, a stream for each link and direction.
	Seed uint64
	// Emulation is where faults are made.
	Emulation Emulation
}

// Switch is one switch.
type Switch struct {
	Name string
	// Snooping makes the switch listen to IGMP and MLD, ask for memberships as a querier, and
	// send multicast to those only who joined; otherwise it floods.
	Snooping bool
}

// LinkConfig is a link between two of a Topology's hosts, switches and routers, by name.
type LinkConfig struct {
	A, B string
	// AtoB is what happens to packets from A to B, BtoA the other way.
	AtoB, BtoA netem.Config
}

// Validate returns an error that wraps ErrTopology and names the first thing that is wrong.
func (t *Topology) Validate() error {
	if t.MTU != 0 && (t.MTU < 1280 || t.MTU > 65535) {
		return fmt.Errorf("%w: MTU %d is not between 1,280 (the least for IPv6) and 65,535", ErrTopology, t.MTU)
	}
	names, err := t.names()
	if err != nil {
		return err
	}
	links := map[string]int{}
	parts := newUnion()
	for _, l := range t.Links {
		for _, end := range []string{l.A, l.B} {
			if !names[end] {
				return fmt.Errorf("%w: link %s - %s: there is no %q", ErrTopology, l.A, l.B, end)
			}
			links[end]++
		}
		if !parts.join(l.A, l.B) {
			return fmt.Errorf("%w: link %s - %s closes a loop; the network must be a tree", ErrTopology, l.A, l.B)
		}
		if err := errors.Join(l.AtoB.Validate(), l.BtoA.Validate()); err != nil {
			return fmt.Errorf("%w: link %s - %s: %w", ErrTopology, l.A, l.B, err)
		}
	}
	for _, h := range t.Hosts {
		if links[h] != 1 {
			return fmt.Errorf("%w: host %s has %d links, not one", ErrTopology, h, links[h])
		}
	}
	for _, r := range t.Routers {
		if links[r] > maxRouterLinks {
			return fmt.Errorf("%w: router %s has %d links, more than %d", ErrTopology, r, links[r], maxRouterLinks)
		}
	}
	return nil
}

// names returns the set of all names.
func (t *Topology) names() (map[string]bool, error) {
	all := slices.Concat(t.Hosts, t.Routers)
	for _, s := range t.Switches {
		all = append(all, s.Name)
	}
	names := map[string]bool{}
	for _, n := range all {
		if n == "" || names[n] {
			return nil, fmt.Errorf("%w: the name %q is empty or given twice", ErrTopology, n)
		}
		names[n] = true
	}
	return names, nil
}

// union tells which names are connected.
type union map[string]string

func newUnion() union { return union{} }

// root returns the name that stands for all that name is connected with.
func (u union) root(name string) string {
	for u[name] != "" {
		name = u[name]
	}
	return name
}

// join connects two names, and reports whether they were not connected before.
func (u union) join(a, b string) bool {
	a, b = u.root(a), u.root(b)
	if a == b {
		return false
	}
	u[b] = a
	return true
}
