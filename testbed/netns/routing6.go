package netns

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Of linux/mroute6.h and linux/icmpv6.h.
const (
	mrt6Init    = 200
	mrt6AddMIF  = 202
	mrt6AddMFC  = 204
	ask6NoCache = 1 // MRT6MSG_NOCACHE
	mldQuery    = 130
	mldReport2  = 143
)

// mifControl is struct mif6ctl.
type mifControl struct {
	number       uint16
	_, threshold uint8 // the first are flags
	index        uint16
	_            [2]byte
	_            uint32 // rate limit
}

// mfc6Control is struct mf6cctl.
type mfc6Control struct {
	source, group unix.RawSockaddrInet6
	in            uint16
	_             [2]byte
	out           [8]uint32 // a bit for each interface
}

var (
	allNodes6 = netip.MustParseAddr("ff02::1")
	allMLDv2  = netip.MustParseAddr("ff02::16")
	// routerAlert6 is a header of hop-by-hop options with a router alert for MLD (RFC 2711).
	routerAlert6 = []byte{0, 0, 5, 2, 0, 0, 1, 0}
)

// routing6 is multicast routing of IPv6: MLDv2 (RFC 3810) and the kernel's MRT6_ options.
type routing6 struct{}

func (routing6) open(ports []int) (fd int, err error) {
	o, err := newOptions(unix.AF_INET6, unix.IPPROTO_ICMPV6)
	if err != nil {
		return -1, err
	}
	var others unix.ICMPv6Filter // reports pass it, and so does the kernel, which asks by no filter
	for i := range others.Data {
		others.Data[i] = ^uint32(0)
	}
	others.Data[mldReport2/32] &^= 1 << (mldReport2 % 32)
	o.setBytes(unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, bytesOf(&others))
	o.set(unix.IPPROTO_IPV6, mrt6Init, 1)
	o.set(unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	o.set(unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 1)
	o.set(unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0)
	o.setBytes(unix.IPPROTO_IPV6, unix.IPV6_HOPOPTS, routerAlert6)
	for number, index := range ports {
		mif := mifControl{number: uint16(number), threshold: 1, index: uint16(index)}
		o.setBytes(unix.IPPROTO_IPV6, mrt6AddMIF, bytesOf(&mif))
		join := unix.IPv6Mreq{Multiaddr: allMLDv2.As16(), Interface: uint32(index)}
		o.setBytes(unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, bytesOf(&join))
	}
	return o.done()
}

func (routing6) parse(b []byte) heard {
	switch {
	case len(b) >= 40 && b[0] == 0: // no type of ICMP: struct mrt6msg
		return heard{
			asks: b[1] == ask6NoCache, port: int(binary.NativeEndian.Uint16(b[2:])),
			stream: stream{addressAt(b[8:], 16), addressAt(b[24:], 16)},
		}
	case len(b) >= 8 && b[0] == mldReport2:
		return heard{records: parseReport(b, 16)}
	}
	return heard{}
}

func (routing6) forward(fd int, s stream, in int, out []int) error {
	c := mfc6Control{
		source: unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: s.source.As16()},
		group:  unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: s.group.As16()},
		in:     uint16(in),
	}
	for _, port := range out {
		c.out[port/32] |= 1 << (port % 32)
	}
	return unix.SetsockoptString(fd, unix.IPPROTO_IPV6, mrt6AddMFC, string(bytesOf(&c)))
}

func (routing6) query(fd, index int) error {
	// Type, code, checksum (the kernel's), response time in milliseconds, group, robustness,
	// interval, no sources.
	b := make([]byte, 28)
	b[0] = mldQuery
	binary.BigEndian.PutUint16(b[4:], 10*queryResponse)
	b[24], b[25] = robustness, byte(queryPeriod.Seconds())
	to := &unix.SockaddrInet6{Addr: allNodes6.As16(), ZoneId: uint32(index)}
	return unix.Sendmsg(fd, b, unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: uint32(index)}), to, 0)
}
