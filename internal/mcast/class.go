package mcast

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// The field ECN in the traffic class (RFC 3168 §5).
const (
	ecnMask = 0b11
	ecnCE   = 0b11 // Congestion Experienced: set by a router
	// ECT says that the sender is ECN-capable: ECT(0). Routers may then mark instead of drop.
	ECT = 0b10
)

// TrafficClass returns the byte that the IPv4 header calls type of service and the IPv6 header
// traffic class: a DSCP (RFC 2474), 0 to 63, and ECT if ect is true.
func TrafficClass(dscp uint8, ect bool) uint8 {
	class := dscp << 2
	if ect {
		class |= ECT
	}
	return class
}

// SetTrafficClass sets the traffic class of what is written from now on. It costs a system call
// when class differs from the last one, and nothing else. An ordinary user may set all but those
// that the system keeps for itself.
func (c *Conn) SetTrafficClass(class uint8) error {
	if class == c.class {
		return nil
	}
	level, name := unix.IPPROTO_IP, unix.IP_TOS
	if c.family == unix.AF_INET6 {
		level, name = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	if err := unix.SetsockoptInt(c.fd, level, name, int(class)); err != nil {
		return fmt.Errorf("mcast: traffic class %#02x: %w", class, err)
	}
	c.class = class
	return nil
}
