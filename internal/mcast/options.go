package mcast

import (
	"errors"
	"fmt"
	"net/netip"
)

const (
	// defaultPacketLimit holds a datagram of a jumbo frame.
	defaultPacketLimit = 9216

	minReceiveBuffer = 4 << 20
	maxReceiveBuffer = 32 << 20
	// receiveBufferMillis of traffic is what a receiver that stops to write a block needs.
	receiveBufferMillis = 80
)

// Options say which group, how, and with what buffers. Zero values are the defaults.
type Options struct {
	// Group is the multicast address and UDP port. Join and NewSender need it; the
	// unicast constructors ignore it. A link-local IPv6 group takes its zone from
	// Interface, or has the interface's name as its own zone.
	Group netip.AddrPort
	// Source, if valid, makes a join source-specific: only datagrams from this address are
	// received. A sender sends from it, so it must be an address of this machine there.
	Source netip.Addr
	// Interface is the name of the network interface that carries the group. Empty:
	// the kernel chooses by its routes.
	Interface string
	// TTL is the IPv4 time to live or IPv6 hop limit of multicast, 1 to 255; 0 means 1,
	// which stays within the link.
	TTL int
	// Loop lets receivers on the sender's own machine hear it. The loopback
	// interface needs no Loop.
	Loop bool
	// ReceiveBuffer and SendBuffer are bytes asked of the kernel; 0 leaves its default.
	// See ReceiveBuffer, the function, and Stats for what was granted.
	ReceiveBuffer, SendBuffer int
	// PacketLimit is the longest datagram Read returns, in bytes; longer ones are
	// dropped and counted. 0 means 9,216.
	PacketLimit int
	// Loss is the share of received datagrams, 0 to 1, that Read throws away, for
	// demonstrations over loopback, where nothing is lost.
	Loss float64
	// LossSeed seeds the choice of the datagrams lost: same seed, same choice.
	LossSeed uint64
}

// Validate reports in one sentence what is wrong with the options of a group: CheckGroup,
// CheckInterface, the address families of group, source and interface, and the ranges
// of the numbers.
func (o *Options) Validate() error {
	if err := CheckGroup(o.Group); err != nil {
		return err
	}
	if err := o.validateNumbers(); err != nil {
		return err
	}
	group := o.Group.Addr().Unmap()
	if o.Source.IsValid() {
		source := o.Source.Unmap()
		if source.Is4() != group.Is4() {
			return fmt.Errorf("mcast: source %v and group %v are of different address families; give both as IPv4 or both as IPv6", source, group)
		}
		if source.IsMulticast() || source.IsUnspecified() {
			return fmt.Errorf("mcast: source %v is not the address of one host", source)
		}
	}
	if o.Interface == "" {
		return nil
	}
	if err := CheckInterface(o.Interface); err != nil {
		return err
	}
	return checkFamily(o.Interface, group)
}

// validateNumbers checks what the unicast constructors need, too.
func (o *Options) validateNumbers() error {
	switch {
	case o.TTL < 0 || o.TTL > 255:
		return fmt.Errorf("mcast: TTL %d is not between 0 and 255", o.TTL)
	case !(o.Loss >= 0 && o.Loss <= 1):
		return fmt.Errorf("mcast: loss %v is not between 0 and 1", o.Loss)
	case o.ReceiveBuffer < 0 || o.SendBuffer < 0 || o.PacketLimit < 0 || o.PacketLimit > 65535:
		return errors.New("mcast: a buffer size is negative or above 65,535 bytes for one datagram")
	}
	return nil
}

func (o *Options) ttl() int {
	if o.TTL == 0 {
		return 1
	}
	return o.TTL
}

func (o *Options) packetLimit() int {
	if o.PacketLimit == 0 {
		return defaultPacketLimit
	}
	return o.PacketLimit
}

// ReceiveBuffer returns the receive buffer in bytes that a receiver of rate bits per
// second should ask for: 80 ms of it, at least 4 MiB and at most 32 MiB.
func ReceiveBuffer(rate uint64) int {
	bytes := rate / 8 * receiveBufferMillis / 1000
	if rate > 1<<40 { // beyond any link: spares the multiplication an overflow
		bytes = maxReceiveBuffer
	}
	return int(min(max(bytes, minReceiveBuffer), maxReceiveBuffer))
}
