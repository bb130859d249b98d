package netns

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Of linux/mroute.h.
const (
	mrtInit     = 200
	mrtAddVIF   = 202
	mrtAddMFC   = 204
	vifUseIndex = 8 // VIFF_USE_IFINDEX
	maxVIFs     = 32
	askNoCache  = 1 // IGMPMSG_NOCACHE
	igmpQuery   = 0x11
	igmpReport3 = 0x22
	robustness  = 2
)

// vifControl is struct vifctl.
type vifControl struct {
	number           uint16
	flags, threshold uint8
	_                uint32 // rate limit
	index            int32
	_                [4]byte // remote end of a tunnel
}

// mfcControl is struct mfcctl.
type mfcControl struct {
	source, group [4]byte
	in            uint16
	ttls          [maxVIFs]uint8
	_             [2]byte
	_             [3]uint32
	_             int32
}

var (
	allHosts4    = netip.AddrFrom4([4]byte{224, 0, 0, 1})
	allIGMPv3    = netip.AddrFrom4([4]byte{224, 0, 0, 22})
	routerAlert4 = []byte{148, 4, 0, 0} // RFC 2113
)

// routing4 is multicast routing of IPv4: IGMPv3 (RFC 3376) and the kernel's MRT_ options.
type routing4 struct{}

func (routing4) open(ports []int) (fd int, err error) {
	o, err := newOptions(unix.AF_INET, unix.IPPROTO_IGMP)
	if err != nil {
		return -1, err
	}
	o.set(unix.IPPROTO_IP, mrtInit, 1)
	o.set(unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	o.set(unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, 1)
	o.set(unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0)
	o.setBytes(unix.IPPROTO_IP, unix.IP_OPTIONS, routerAlert4)
	for number, index := range ports {
		vif := vifControl{number: uint16(number), flags: vifUseIndex, threshold: 1, index: int32(index)}
		o.setBytes(unix.IPPROTO_IP, mrtAddVIF, bytesOf(&vif))
		join := unix.IPMreqn{Multiaddr: allIGMPv3.As4(), Ifindex: int32(index)}
		o.setBytes(unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, bytesOf(&join))
	}
	return o.done()
}

func (routing4) parse(b []byte) (h heard) {
	if len(b) < 20 {
		return heard{}
	}
	if b[9] == 0 { // no protocol: struct igmpmsg in place of a header
		return heard{
			asks: b[8] == askNoCache, port: int(b[10]),
			stream: stream{addressAt(b[12:], 4), addressAt(b[16:], 4)},
		}
	}
	header := int(b[0]&15) * 4
	if len(b) <= header || b[header] != igmpReport3 {
		return heard{}
	}
	return heard{records: parseReport(b[header:], 4)}
}

func (routing4) forward(fd int, s stream, in int, out []int) error {
	c := mfcControl{source: s.source.As4(), group: s.group.As4(), in: uint16(in)}
	for _, port := range out {
		c.ttls[port] = 1 // what arrives with a TTL of 1 goes no further
	}
	return unix.SetsockoptString(fd, unix.IPPROTO_IP, mrtAddMFC, string(bytesOf(&c)))
}

func (routing4) query(fd, index int) error {
	// Type, response time in tenths of a second, checksum, group, robustness, interval, no sources.
	b := []byte{igmpQuery, queryResponse / 10, 0, 0, 0, 0, 0, 0, robustness, byte(queryPeriod.Seconds()), 0, 0}
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(b[2:], ^uint16(sum+sum>>16))
	return unix.Sendmsg(fd, b, unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: int32(index)}), &unix.SockaddrInet4{Addr: allHosts4.As4()}, 0)
}
