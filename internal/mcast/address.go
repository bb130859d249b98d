package mcast

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// sockaddr is a socket address as the kernel has it, IPv4 or IPv6:
//
//	offset  IPv4             IPv6
//	0       family (host order)
//	2       port (network order)
//	4       address          flow information
//	8       unused           address
//	24                       scope: index of the interface (host order)
type sockaddr [unix.SizeofSockaddrInet6]byte

// set writes addr as an address of the socket's family and returns its length. On an IPv6
// socket an IPv4 address is written as ::ffff:a.b.c.d.
func (s *sockaddr) set(family uint16, addr netip.AddrPort) uint32 {
	*s = sockaddr{}
	binary.NativeEndian.PutUint16(s[0:], family)
	binary.BigEndian.PutUint16(s[2:], addr.Port())
	if family == unix.AF_INET {
		b := addr.Addr().Unmap().As4()
		copy(s[4:], b[:])
		return unix.SizeofSockaddrInet4
	}
	b := addr.Addr().As16()
	copy(s[8:], b[:])
	binary.NativeEndian.PutUint32(s[24:], uint32(zoneIndex(addr.Addr().Zone())))
	return unix.SizeofSockaddrInet6
}

// addrPort reads the address that the kernel wrote; the zero AddrPort if there is none.
// An IPv4-mapped address comes out as IPv4, a link-local one with its interface as zone.
func (s *sockaddr) addrPort(length uint32) netip.AddrPort {
	port := binary.BigEndian.Uint16(s[2:])
	switch family := binary.NativeEndian.Uint16(s[0:]); {
	case family == unix.AF_INET && length >= unix.SizeofSockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(s[4:8])), port)
	case family == unix.AF_INET6 && length >= unix.SizeofSockaddrInet6:
		addr := netip.AddrFrom16([16]byte(s[8:24])).Unmap()
		if scope := binary.NativeEndian.Uint32(s[24:]); scope != 0 && addr.Is6() {
			addr = addr.WithZone(zoneName(int(scope)))
		}
		return netip.AddrPortFrom(addr, port)
	}
	return netip.AddrPort{}
}

// zoneIndex is the index of the interface a zone names, by name or by number; 0 if none.
func zoneIndex(zone string) int {
	if zone == "" {
		return 0
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return i.Index
	}
	index, err := strconv.Atoi(zone)
	if err != nil {
		return 0
	}
	return index
}

// zoneName is the name of the interface of that index, or the number itself.
func zoneName(index int) string {
	if i, err := net.InterfaceByIndex(index); err == nil {
		return i.Name
	}
	return strconv.Itoa(index)
}
