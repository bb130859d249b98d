package netns

import (
	"fmt"
	"net/netip"
	"slices"
)

const (
	// maxSegments is what the addressing has room for: 10.77.0.0/16 to 10.176.0.0/16.
	maxSegments = 100
	// maxSegmentHosts is how many hosts a segment has room for below its routers' addresses.
	maxSegmentHosts = 200*250 + 1
	// maxRouterLinks is how many interfaces the kernel routes multicast between, with some to spare.
	maxRouterLinks = 30
)

// plan is a Topology worked out: where everything is made, and its addresses and routes.
//
// Every link has a switch at its near end, in whose namespace its faults are made: a link between
// two machines gets a switch of its own, which nobody sees.
type plan struct {
	switches []Switch // the hidden ones last
	links    []planLink
	nodes    []*node
	segments int
}

// planLink is a link from a switch to anything.
type planLink struct {
	LinkConfig
	near, far string
	// reverse says that near is B.
	reverse bool
	// quiet is the other half of a link with a hidden switch: it has no faults.
	quiet bool
}

// node is a host or a router.
type node struct {
	name   string
	router bool
	ports  []port
	routes []route
}

// port is an interface of a node: eth0, eth1 and so on.
type port struct {
	device         string
	segment        int
	prefix4        netip.Prefix // zero if there is no IPv4
	prefix6, local netip.Prefix
}

// route leads to a segment that the node is not on.
type route struct {
	to  netip.Prefix
	via netip.Addr
}

// newPlan works out a valid Topology.
func newPlan(t Topology) (*plan, error) {
	p := &plan{switches: slices.Clone(t.Switches)}
	isSwitch := map[string]bool{}
	for _, s := range t.Switches {
		isSwitch[s.Name] = true
	}
	for _, l := range t.Links {
		switch {
		case isSwitch[l.A]:
			p.links = append(p.links, planLink{LinkConfig: l, near: l.A, far: l.B})
		case isSwitch[l.B]:
			p.links = append(p.links, planLink{LinkConfig: l, near: l.B, far: l.A, reverse: true})
		default:
			hidden := l.A + " - " + l.B
			p.switches = append(p.switches, Switch{Name: hidden})
			p.links = append(p.links, planLink{LinkConfig: l, near: hidden, far: l.B},
				planLink{near: hidden, far: l.A, quiet: true})
		}
	}
	segmentOf := p.findSegments(isSwitch)
	if p.segments > maxSegments {
		return nil, fmt.Errorf("%w: %d segments are more than %d", ErrTopology, p.segments, maxSegments)
	}
	if err := p.placeNodes(t, segmentOf); err != nil {
		return nil, err
	}
	p.findRoutes(t.IPv6Only)
	return p, nil
}

// findSegments numbers what is connected by switches alone.
func (p *plan) findSegments(isSwitch map[string]bool) map[string]int {
	parts := newUnion()
	for _, l := range p.links {
		if isSwitch[l.far] {
			parts.join(l.near, l.far)
		}
	}
	number := map[string]int{}
	segmentOf := map[string]int{}
	for _, s := range p.switches {
		root := parts.root(s.Name)
		n, ok := number[root]
		if !ok {
			n = len(number)
			number[root] = n
		}
		segmentOf[s.Name] = n
	}
	p.segments = len(number)
	return segmentOf
}

// placeNodes gives every node its interfaces, in the order of the links.
func (p *plan) placeNodes(t Topology, segmentOf map[string]int) error {
	byName := map[string]*node{}
	for _, name := range t.Hosts {
		p.nodes = append(p.nodes, &node{name: name})
	}
	for _, name := range t.Routers {
		p.nodes = append(p.nodes, &node{name: name, router: true})
	}
	for _, n := range p.nodes {
		byName[n.name] = n
	}
	for i := range p.links {
		l := &p.links[i]
		if n := byName[l.far]; n != nil {
			n.ports = append(n.ports, port{device: fmt.Sprintf("eth%d", len(n.ports)), segment: segmentOf[l.near]})
		}
	}
	hosts, routers := make([]int, p.segments), make([]int, p.segments)
	for _, n := range p.nodes {
		for i := range n.ports {
			q := &n.ports[i]
			if n.router {
				routers[q.segment]++
				q.number(255, routers[q.segment], t.IPv6Only)
				continue
			}
			// The first host of a segment is 0.1; those after it are 1.1, 1.2, ...
			if k := hosts[q.segment]; k == 0 {
				q.number(0, 1, t.IPv6Only)
			} else {
				q.number(1+(k-1)/250, 1+(k-1)%250, t.IPv6Only)
			}
			hosts[q.segment]++
		}
	}
	for s := range p.segments {
		if hosts[s] > maxSegmentHosts || routers[s] > 250 {
			return fmt.Errorf("%w: %d hosts and %d routers on one segment", ErrTopology, hosts[s], routers[s])
		}
	}
	return nil
}

// number gives a port its addresses.
func (q *port) number(high, low int, only6 bool) {
	if !only6 {
		q.prefix4 = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(77 + q.segment), byte(high), byte(low)}), 16)
	}
	a := [16]byte{0: 0xfd, 1: 0x77, 7: byte(q.segment), 13: byte(high), 15: byte(low)}
	q.prefix6 = netip.PrefixFrom(netip.AddrFrom16(a), 64)
	local := [16]byte{0: 0xfe, 1: 0x80, 13: byte(high), 15: byte(low)}
	q.local = netip.PrefixFrom(netip.AddrFrom16(local), 64)
}

// findRoutes gives every node a route to each segment that routers lead to.
func (p *plan) findRoutes(only6 bool) {
	for target := range p.segments {
		gateways := p.gateways(target)
		for _, n := range p.nodes {
			if n.on(target) {
				continue
			}
			for _, q := range n.ports {
				via, ok := gateways[q.segment]
				if !ok || via.node == n {
					continue
				}
				if !only6 {
					n.routes = append(n.routes, route{segmentPrefix4(target), via.port.prefix4.Addr()})
				}
				n.routes = append(n.routes, route{segmentPrefix6(target), via.port.prefix6.Addr()})
			}
		}
	}
}

// gateway is a router's interface.
type gateway struct {
	node *node
	port *port
}

// gateways says, for each segment from which a target can be reached by routers, by which gateway. As
// the network is a tree there is one.
func (p *plan) gateways(target int) map[int]gateway {
	found := map[int]gateway{}
	seen := map[*node]bool{}
	for queue := []int{target}; len(queue) > 0; queue = queue[1:] {
		for _, n := range p.nodes {
			if !n.router || seen[n] || !n.on(queue[0]) {
				continue
			}
			seen[n] = true
			for i := range n.ports {
				if q := &n.ports[i]; q.segment != queue[0] {
					found[q.segment] = gateway{n, q}
					queue = append(queue, q.segment)
				}
			}
		}
	}
	return found
}

func (n *node) on(segment int) bool {
	return slices.ContainsFunc(n.ports, func(q port) bool { return q.segment == segment })
}

func segmentPrefix4(segment int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(77 + segment)}), 16)
}

func segmentPrefix6(segment int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x77, 7: byte(segment)}), 64)
}
