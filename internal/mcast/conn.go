package mcast

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Datagram is one received UDP datagram.
type Datagram struct {
	// Payload is the Conn's memory: valid until its next Read.
	Payload []byte
	// From is who sent it; a link-local IPv6 address carries its zone.
	From netip.AddrPort
	// Marked says that a router on the way marked it with ECN's Congestion Experienced
	// (RFC 3168): it had to queue, and would have been dropped if it could not be marked. Only a
	// Conn made by Join looks.
	Marked bool
	// Dropped is how many datagrams, or trains of them, the kernel threw away between the one before
	// and this one because the receive buffer was full.
	Dropped uint32
}

// Stats counts what one Conn did since it was made.
type Stats struct {
	PacketsReceived uint64 // datagrams Read returned
	BytesReceived   uint64 // their payload bytes
	PacketsSent     uint64 // datagrams the kernel took
	BytesSent       uint64 // their payload bytes
	// SocketDrops is datagrams the kernel threw away because the receive buffer was
	// full (SO_RXQ_OVFL): loss by this machine, not by the network. The kernel tells
	// with the next datagram that gets in. It counts a lost train as one; here it counts as
	// many as there are in the train that tells of it, which is a guess: who numbers datagrams knows
	// better, see Datagram.Dropped.
	SocketDrops      uint64
	PacketsTruncated uint64 // dropped: longer than Options.PacketLimit
	PacketsInjected  uint64 // dropped on purpose: Options.Loss
	// PacketsRefused is datagrams the network did not take when they were sent (no route, link
	// down, queue full, forbidden by a filter): lost, as if under way.
	PacketsRefused uint64
	// Unreachable is ICMP errors the peer or a router answered with: nobody listens, no way
	// there, too long for a link under way.
	Unreachable uint64
	// TrainsReceived and TrainsSent count trains: datagrams of one length that the kernel passed
	// as one. The datagrams in them are among the packets above.
	TrainsReceived, TrainsSent uint64
	// TrainsRefused is trains that the kernel or the interface could not cut and that were
	// sent as single datagrams. After one that was refused for no fault of its datagrams the Conn
	// makes no others.
	TrainsRefused uint64
	// ReceiveBuffer and SendBuffer are the bytes the kernel granted.
	ReceiveBuffer, SendBuffer int
}

// Conn is one UDP socket. One goroutine owns it, with all its methods; only a Poller of the
// same goroutine shares it.
type Conn struct {
	fd     int // -1 when closed
	family uint16
	peer   netip.AddrPort // where Write sends, if it may
	// connected is whether the kernel knows the peer; it does not before there is a route.
	connected bool
	// class is the traffic class as set last.
	class uint8
	// full is whether the last Write stopped at a full send buffer.
	full bool

	receive *receiver // nil if the Conn only sends
	send    *sender
	rng     *rand.Rand
	loss    float64
	stats   Stats
}

// Join returns a Conn that receives the group of o, and only that.
//
// Several processes of one machine may join the same group and port; each hears every
// datagram. Errors are sentences for the operator: see Options.Validate; further a port
// that another program holds, and a source-specific group without a source.
func Join(o Options) (*Conn, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	group := o.Group.Addr().Unmap()
	if !o.Source.IsValid() && sourceSpecific(group) {
		return nil, fmt.Errorf("mcast: group %v is source-specific; give the address of its source", group)
	}
	c, err := open(group, o)
	if err != nil {
		return nil, err
	}
	trains := unix.SetsockoptInt(c.fd, unix.SOL_UDP, unix.UDP_GRO, 1) == nil // Linux 5.0
	c.receive = newReceiver(o.packetLimit(), trains)
	if err := c.join(o); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// NewSender returns a Conn whose Write sends to the group of o. It receives nothing.
func NewSender(o Options) (*Conn, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	c, err := open(o.Group.Addr().Unmap(), o)
	if err != nil {
		return nil, err
	}
	if err := c.aim(o); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// ListenUnicast returns a Conn bound to local; port 0 lets the kernel choose, see
// LocalAddr. The address [::] hears IPv4, too. Of o, buffers, PacketLimit and loss count.
func ListenUnicast(local netip.AddrPort, o Options) (*Conn, error) {
	if err := o.validateNumbers(); err != nil {
		return nil, err
	}
	c, err := open(local.Addr().Unmap(), o)
	if err != nil {
		return nil, err
	}
	c.receive = newReceiver(o.packetLimit(), false)
	if err := c.bind(local, "choose another port"); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// DialUnicast returns a Conn whose Write sends to peer and whose Read hears peer only. Of
// o, buffers, PacketLimit, loss and Source (the local address, if valid) count.
func DialUnicast(peer netip.AddrPort, o Options) (*Conn, error) {
	if err := o.validateNumbers(); err != nil {
		return nil, err
	}
	if !peer.IsValid() || peer.Port() == 0 {
		return nil, fmt.Errorf("mcast: %v is not an address and port to send to", peer)
	}
	c, err := open(peer.Addr().Unmap(), o)
	if err != nil {
		return nil, err
	}
	c.receive = newReceiver(o.packetLimit(), false)
	if err := c.dial(peer, o); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// LocalAddr returns the address and port the socket is bound to.
func (c *Conn) LocalAddr() netip.AddrPort {
	sa, err := unix.Getsockname(c.fd)
	if err != nil {
		return netip.AddrPort{}
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// Stats returns a copy of the counters.
func (c *Conn) Stats() Stats { return c.stats }

// Close leaves the group and closes the socket. A second Close does nothing.
func (c *Conn) Close() error {
	if c.fd < 0 {
		return nil
	}
	err := unix.Close(c.fd)
	c.fd = -1
	return err
}
