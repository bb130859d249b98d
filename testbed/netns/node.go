package netns

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// switchLocal is the link-local address of every switch that asks for memberships.
var switchLocal = netip.MustParsePrefix("fe80::5:5:5:5/64")

// configure gives a node, from inside, its addresses and routes.
func (n *node) configure(offloads bool) error {
	if err := setUp(true, "lo"); err != nil {
		return err
	}
	if n.router {
		if err := forward(); err != nil {
			return err
		}
	}
	for i := range n.ports {
		if err := n.ports[i].configure(offloads, !n.router); err != nil {
			return err
		}
	}
	for _, r := range n.routes {
		if err := netlink.RouteAdd(&netlink.Route{Dst: network(r.to), Gw: r.via.AsSlice()}); err != nil {
			return fmt.Errorf("route to %v: %w", r.to, err)
		}
	}
	return nil
}

func (q *port) configure(offloads, host bool) error {
	// The kernel's own link-local address would be usable only after a second of
	// duplicate address detection; ours is at once.
	link, err := bareLink(q.device)
	if err != nil {
		return err
	}
	if !offloads {
		if err := offloadsOff(q.device); err != nil {
			return err
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	for _, prefix := range []netip.Prefix{q.prefix4, q.prefix6, q.local} {
		if !prefix.IsValid() {
			continue
		}
		if err := netlink.AddrAdd(link, address(prefix)); err != nil {
			return fmt.Errorf("address %v: %w", prefix, err)
		}
	}
	if !host || !q.prefix4.IsValid() {
		return nil
	}
	// Linux makes the route for IPv6 multicast by itself.
	route := &netlink.Route{
		LinkIndex: link.Attrs().Index,
		Scope:     netlink.SCOPE_LINK,
		Dst:       network(netip.MustParsePrefix("224.0.0.0/4")),
	}
	if err := netlink.RouteAdd(route); err != nil {
		return fmt.Errorf("route for multicast: %w", err)
	}
	return nil
}

// forward makes the calling thread's namespace a router. There is no netlink for it.
func forward() error {
	for _, setting := range []string{"ipv4/ip_forward", "ipv6/conf/all/forwarding"} {
		if err := os.WriteFile("/proc/sys/net/"+setting, []byte("1"), 0); err != nil {
			return fmt.Errorf("%w: a router needs a writable /proc/sys: %w", ErrNotAllowed, err)
		}
	}
	return nil
}

func address(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: network(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

func network(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
