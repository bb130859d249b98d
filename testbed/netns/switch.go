package netns

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const bridgeName = "br0"

// upWithin is how long an interface may take to come up.
const upWithin = 5 * time.Second

// Times of the querier of a switch, in hundredths of a second. A real one asks every two
// minutes; this one often, so that a lost report is made good within a test.
const (
	queryInterval    = 200
	queryResponse    = 50
	startupInterval  = 100
	membershipExpiry = 1000
	otherQuerierGone = 500
)

// addBridge makes a switch in the calling thread's namespace.
func addBridge(mtu int, snooping bool) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = bridgeName, mtu
	bridge := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
	if err := netlink.LinkAdd(bridge); err != nil {
		return err
	}
	if err := netlink.LinkSetIP6AddrGenMode(bridge, nl.IN6_ADDR_GEN_MODE_NONE); err != nil {
		return err
	}
	// A switch is no firewall: packets need not pass the machine's filters in it. Where these
	// settings are missing they do not.
	for _, filters := range []string{"iptables", "ip6tables", "arptables"} {
		_ = os.WriteFile("/proc/sys/net/bridge/bridge-nf-call-"+filters, []byte("0"), 0)
	}
	if snooping {
		if err := makeQuerier(bridge); err != nil {
			return fmt.Errorf("making it a querier: %w", err)
		}
	}
	return netlink.LinkSetUp(bridge)
}

// makeQuerier lets a bridge ask for memberships by IGMPv3 and MLDv2; the kernel's default is
// version 2 and 1, which would hide sources. A query by MLD comes from a link-local address.
func makeQuerier(bridge *netlink.Bridge) error {
	request := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
	message := nl.NewIfInfomsg(unix.AF_UNSPEC)
	message.Index = int32(bridge.Attrs().Index)
	request.AddData(message)
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge"))
	data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
	for _, interval := range []struct {
		attribute int
		hundreths uint64
	}{
		{nl.IFLA_BR_MCAST_QUERY_INTVL, queryInterval},
		{nl.IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, queryResponse},
		{nl.IFLA_BR_MCAST_STARTUP_QUERY_INTVL, startupInterval},
		{nl.IFLA_BR_MCAST_MEMBERSHIP_INTVL, membershipExpiry},
		{nl.IFLA_BR_MCAST_QUERIER_INTVL, otherQuerierGone},
	} {
		data.AddRtAttr(interval.attribute, nl.Uint64Attr(interval.hundreths))
	}
	data.AddRtAttr(nl.IFLA_BR_MCAST_IGMP_VERSION, nl.Uint8Attr(3))
	data.AddRtAttr(nl.IFLA_BR_MCAST_MLD_VERSION, nl.Uint8Attr(2))
	data.AddRtAttr(nl.IFLA_BR_MCAST_QUERIER, nl.Uint8Attr(1))
	request.AddData(info)
	if _, err := request.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return err
	}
	return netlink.AddrAdd(bridge, address(switchLocal))
}

// addPair makes a pair of interfaces, one in the calling thread's namespace, the other in that
// of peerSpace, which is the same if it is nil.
func addPair(name, peer string, peerSpace *space, mtu int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = name, mtu
	veth := netlink.NewVeth(attrs)
	veth.PeerName, veth.PeerMTU = peer, uint32(mtu)
	if peerSpace != nil {
		veth.PeerNamespace = netlink.NsFd(int(peerSpace.handle))
	}
	return netlink.LinkAdd(veth)
}

// plugIn makes an interface a port of the switch in the calling thread's namespace.
func plugIn(device string) error {
	link, err := bareLink(device)
	if err != nil {
		return err
	}
	bridge, err := netlink.LinkByName(bridgeName)
	if err != nil {
		return err
	}
	if err := netlink.LinkSetMaster(link, bridge); err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// bareLink finds an interface and sees to it that it gets no address of its own.
func bareLink(device string) (netlink.Link, error) {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return nil, err
	}
	return link, netlink.LinkSetIP6AddrGenMode(link, nl.IN6_ADDR_GEN_MODE_NONE)
}

// setUp switches interfaces of the calling thread's namespace on or off.
func setUp(up bool, devices ...string) error {
	for _, device := range devices {
		link, err := netlink.LinkByName(device)
		if err != nil {
			return err
		}
		set := netlink.LinkSetDown
		if up {
			set = netlink.LinkSetUp
		}
		if err := set(link); err != nil {
			return err
		}
	}
	return nil
}

// unplug takes an interface out of the switch.
func unplug(device string) error {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	return netlink.LinkSetNoMaster(link)
}

// awaitUp waits until interfaces of the calling thread's namespace, all ends of links if none is
// named, carry packets. The kernel takes note of a plugged cable in a while of its own; what is
// sent before is lost.
func awaitUp(devices ...string) error {
	for deadline := time.Now().Add(upWithin); ; time.Sleep(time.Millisecond) {
		links, err := linksNamed(devices)
		if errors.Is(err, netlink.ErrDumpInterrupted) {
			continue // another link changed meanwhile
		}
		if err != nil {
			return err
		}
		waiting := slices.IndexFunc(links, func(l netlink.Link) bool {
			state := l.Attrs().OperState
			return state != netlink.OperUp && state != netlink.OperUnknown
		})
		if waiting < 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("interface %s does not come up", links[waiting].Attrs().Name)
		}
	}
}

// linksNamed returns interfaces of the calling thread's namespace, all ends of links that are on if
// none is named.
func linksNamed(devices []string) (links []netlink.Link, err error) {
	for _, device := range devices {
		link, err := netlink.LinkByName(device)
		if err != nil {
			return nil, err
		}
		links = append(links, link)
	}
	if len(devices) > 0 {
		return links, nil
	}
	links, err = netlink.LinkList()
	return slices.DeleteFunc(links, func(l netlink.Link) bool {
		return l.Type() != "veth" || l.Attrs().Flags&net.FlagUp == 0
	}), err
}
