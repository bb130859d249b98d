package wire

import "fmt"

// Smallest MTUs that SymbolLength takes: what every IPv4 host must be able to reassemble
// (RFC 1122 §3.3.2), and the smallest that IPv6 allows a link to have (RFC 8200 §5).
const (
	MinMTU4 = 576
	MinMTU6 = 1280
)

// SymbolLength returns the encoding symbol length for data objects in bytes: the largest
// multiple of 64 that fits into an unfragmented datagram at this MTU behind IP header
// (without options), UDP header and MaxHeaderLength. Multiples of 64 are what the codec's
// SIMD routines like best. At MTU 1,500 it is 1,408 for IPv4 and 1,344 for IPv6.
//
// It returns an error that says so if mtu is below MinMTU4 or MinMTU6, or above 65,535.
func SymbolLength(mtu int, ipv6 bool) (int, error) {
	const udp, ipv4Header, ipv6Header = 8, 20, 40
	smallest, ip := MinMTU4, ipv4Header
	if ipv6 {
		smallest, ip = MinMTU6, ipv6Header
	}
	if mtu < smallest || mtu > 65535 {
		return 0, fmt.Errorf("wire: MTU %d is not within %d and 65535", mtu, smallest)
	}
	return (mtu - ip - udp - MaxHeaderLength) / 64 * 64, nil
}
