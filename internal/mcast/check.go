package mcast

import (
	"fmt"
	"net"
	"net/netip"
)

// CheckGroup reports in one sentence why a group cannot carry a session: it is not
// multicast, has no port, or its Ethernet address is one that switches send to every port
// whatever they learned by IGMP or MLD snooping.
//
// An IPv4 group maps to 01:00:5e and its lowest 23 bits; switches flood 01:00:5e:00:00:xx,
// the protocols of the link (RFC 4541 §2.1.2), to which not only 224.0.0.x but
// x.0.0.y and x.128.0.y map. In IPv6, 33:33:00:00:00:01 is every node.
func CheckGroup(group netip.AddrPort) error {
	addr := group.Addr().Unmap()
	switch {
	case !addr.IsValid():
		return fmt.Errorf("mcast: no multicast group given; 239.255.x.y:PORT with x above 0 stays within one site")
	case !addr.IsMulticast():
		return fmt.Errorf("mcast: %v is not a multicast address; choose one in 239.0.0.0/8 or ff15::/16", addr)
	case group.Port() == 0:
		return fmt.Errorf("mcast: group %v has port 0; add a port between 1 and 65535", addr)
	case addr.Is4():
		return checkGroup4(addr)
	}
	return checkGroup6(addr)
}

func checkGroup4(addr netip.Addr) error {
	b := addr.As4()
	if b[1]&0x7f == 0 && b[2] == 0 {
		return fmt.Errorf("mcast: group %v maps to Ethernet address 01:00:5e:00:00:%02x, which switches flood to every port; choose one whose third number is not 0, such as %d.%d.1.%d",
			addr, b[3], max(b[0], 239), b[1], b[3])
	}
	return nil
}

func checkGroup6(addr netip.Addr) error {
	b := addr.As16()
	scope := b[1] & 0xf
	switch {
	case scope == 0 || scope == 0xf:
		return fmt.Errorf("mcast: group %v has the reserved scope %x; choose one in ff15::/16 (site) or ff12::/16 (link)", addr, scope)
	case b[1] == 0x02:
		return fmt.Errorf("mcast: group %v is in ff02::/16, which belongs to the protocols of the link; choose one in ff12::/16 (link) or ff15::/16 (site)", addr)
	case b[12] == 0 && b[13] == 0 && b[14] == 0 && b[15] == 1:
		return fmt.Errorf("mcast: group %v maps to Ethernet address 33:33:00:00:00:01, which switches flood to every port; choose one that does not end in ::1", addr)
	}
	return nil
}

// sourceSpecific reports whether the group lies in a range kept for source-specific
// multicast: 232.0.0.0/8 (RFC 4607 §1) or ff3x::/32 (RFC 4607 §1, RFC 3306 §6).
func sourceSpecific(addr netip.Addr) bool {
	if addr.Is4() {
		return addr.As4()[0] == 232
	}
	b := addr.As16()
	return b[1]>>4 == 3 && b[2] == 0 && b[3] == 0
}

// CheckInterface reports in one sentence why multicast cannot pass an interface: it does
// not exist, is down, or does not do multicast. The loopback interface passes, though
// Linux does not flag it as multicast: it carries groups all the same.
func CheckInterface(name string) error {
	i, err := net.InterfaceByName(name)
	switch {
	case err != nil:
		return fmt.Errorf("mcast: no network interface is named %q here; this machine has: %s", name, interfaceNames())
	case i.Flags&net.FlagUp == 0:
		return fmt.Errorf("mcast: interface %s is down; bring it up with: ip link set %s up", name, name)
	case i.Flags&(net.FlagMulticast|net.FlagLoopback) == 0:
		return fmt.Errorf("mcast: interface %s does not do multicast; choose another (ip link shows MULTICAST where it is possible)", name)
	}
	return nil
}

// interfaceNames lists the interfaces that are up, for an error's advice.
func interfaceNames() string {
	all, err := net.Interfaces()
	if err != nil || len(all) == 0 {
		return "none"
	}
	var names string
	for _, i := range all {
		if names != "" {
			names += ", "
		}
		names += i.Name
	}
	return names
}

// checkFamily reports an interface that cannot carry groups of that family: it has no
// address, or is the loopback interface, over which Linux routes no IPv6 multicast.
func checkFamily(name string, group netip.Addr) error {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return fmt.Errorf("mcast: interface %s: %w", name, err)
	}
	if i.Flags&net.FlagLoopback != 0 && group.Is6() {
		return fmt.Errorf("mcast: Linux carries no IPv6 multicast over %s; use an IPv4 group there, or another interface", name)
	}
	addrs, err := i.Addrs()
	if err != nil {
		return fmt.Errorf("mcast: addresses of interface %s: %w", name, err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && (n.IP.To4() != nil) == group.Is4() {
			return nil
		}
	}
	family := "IPv6"
	if group.Is4() {
		family = "IPv4"
	}
	return fmt.Errorf("mcast: interface %s has no %s address, which group %v needs; choose another interface or give it one", name, family, group)
}
