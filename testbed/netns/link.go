package netns

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const bridgeName = "br0"

// addBridge makes the switch in the calling thread's namespace. It does no snooping:
// multicast goes to every port, as through a switch that knows no better.
func addBridge(mtu int) error {
	snooping := false
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = bridgeName, mtu
	bridge := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
	if err := netlink.LinkAdd(bridge); err != nil {
		return err
	}
	return netlink.LinkSetUp(bridge)
}

// addHost makes a namespace and ties it to the switch.
func (b *Bed) addHost(name string, addr4, addr6 netip.Addr, loss float64) (*Host, error) {
	s, err := newSpace()
	if err != nil {
		return nil, err
	}
	h := &Host{
		Name: name, Addr4: addr4, Addr6: addr6, Interface: hostInterface,
		space: s, bridge: b.bridge, port: name, loseTCP: b.config.LoseTCP,
	}
	err = b.bridge.do(func() error { return addLink(h.port, s, b.config) })
	if err == nil {
		err = s.do(func() error { return h.configure(b.config) })
	}
	if err == nil && loss > 0 {
		err = h.SetLoss(loss)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("netns: making host %s: %w", name, err)
	}
	return h, nil
}

// addLink makes a pair of interfaces, one a port of the switch in the calling thread's
// namespace, the other a host's.
func addLink(port string, host *space, c Config) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = port, c.MTU
	veth := netlink.NewVeth(attrs)
	veth.PeerName, veth.PeerMTU = hostInterface, uint32(c.MTU)
	veth.PeerNamespace = netlink.NsFd(int(host.handle))
	if err := netlink.LinkAdd(veth); err != nil {
		return err
	}
	bridge, err := netlink.LinkByName(bridgeName)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetMaster(veth, bridge); err != nil {
		return err
	}
	if err := netlink.LinkSetIP6AddrGenMode(veth, nl.IN6_ADDR_GEN_MODE_NONE); err != nil {
		return err
	}
	if !c.Offloads {
		if err := offloadsOff(port); err != nil {
			return err
		}
	}
	return netlink.LinkSetUp(veth)
}

// configure gives a host, from inside, its addresses and routes.
func (h *Host) configure(c Config) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}
	link, err := netlink.LinkByName(hostInterface)
	if err != nil {
		return err
	}
	if !c.Offloads {
		if err := offloadsOff(hostInterface); err != nil {
			return err
		}
	}
	// The kernel's own link-local address would be usable only after a second of
	// duplicate address detection; ours is at once.
	if err := netlink.LinkSetIP6AddrGenMode(link, nl.IN6_ADDR_GEN_MODE_NONE); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	linkLocal := h.Addr6.As16()
	linkLocal[0], linkLocal[1] = 0xfe, 0x80
	for _, prefix := range []netip.Prefix{
		netip.PrefixFrom(h.Addr4, 16),
		netip.PrefixFrom(h.Addr6, 64),
		netip.PrefixFrom(netip.AddrFrom16(linkLocal), 64),
	} {
		if err := netlink.AddrAdd(link, address(prefix)); err != nil {
			return fmt.Errorf("address %v: %w", prefix, err)
		}
	}
	// Linux makes the route for IPv6 multicast by itself.
	route := &netlink.Route{
		LinkIndex: link.Attrs().Index,
		Scope:     netlink.SCOPE_LINK,
		Dst:       &net.IPNet{IP: net.IPv4(224, 0, 0, 0).To4(), Mask: net.CIDRMask(4, 32)},
	}
	if err := netlink.RouteAdd(route); err != nil {
		return fmt.Errorf("route for multicast: %w", err)
	}
	return nil
}

func address(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: &net.IPNet{
		IP:   p.Addr().AsSlice(),
		Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
	}}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}
