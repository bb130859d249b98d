package mcast

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// open makes an unbound socket of addr's family with buffers as o says, for sending only.
func open(addr netip.Addr, o Options) (*Conn, error) {
	if !addr.IsValid() {
		return nil, errors.New("mcast: no address given")
	}
	family := unix.AF_INET6
	if addr.Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_UDP)
	if err != nil {
		return nil, fmt.Errorf("mcast: making a UDP socket: %w", err)
	}
	c := &Conn{
		fd: fd, family: uint16(family),
		rng: rand.New(rand.NewPCG(o.LossSeed, 0)), loss: o.Loss,
	}
	_, err = unix.GetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT)
	c.send = newSender(err == nil) // Linux 4.18
	if err := c.setOptions(o); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// setOptions sets what every kind of socket has: buffers, no fragments, drops counted.
func (c *Conn) setOptions(o Options) error {
	c.stats.ReceiveBuffer = c.buffer(unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, o.ReceiveBuffer)
	c.stats.SendBuffer = c.buffer(unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, o.SendBuffer)
	set := []option{{unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1}}
	if c.family == unix.AF_INET {
		set = append(set, option{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO})
	} else {
		set = append(set,
			option{unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DO},
			option{unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG, 1},
			option{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO}, // for mapped addresses
			option{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0})
	}
	return c.set(set)
}

// option is one integer socket option.
type option struct{ level, name, value int }

func (c *Conn) set(options []option) error {
	for _, o := range options {
		if err := unix.SetsockoptInt(c.fd, o.level, o.name, o.value); err != nil {
			return fmt.Errorf("mcast: socket option %d of level %d: %w", o.name, o.level, err)
		}
	}
	return nil
}

// buffer asks for bytes, beyond the system's limit if the process may, and returns what
// was granted. The kernel doubles what it is asked, for its own book-keeping, and
// reports the double.
func (c *Conn) buffer(force, plain, bytes int) int {
	if bytes > 0 {
		if unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, force, bytes) != nil {
			_ = unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, plain, bytes) // what is granted is read below
		}
	}
	granted, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, plain)
	if err != nil {
		return 0
	}
	return granted / 2
}

// bind gives the socket its address; advice ends the sentence about a port in use.
func (c *Conn) bind(local netip.AddrPort, advice string) error {
	err := unix.Bind(c.fd, c.unixSockaddr(local))
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("mcast: UDP port %d is in use by another program; %s, or stop that program (ss -ulpn shows it)", local.Port(), advice)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("mcast: %v is not an address of this machine; choose one that ip addr shows", local.Addr())
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("mcast: UDP port %d is kept for the administrator; %s above 1023", local.Port(), advice)
	case err != nil:
		return fmt.Errorf("mcast: binding to %v: %w", local, err)
	}
	return nil
}

func (c *Conn) unixSockaddr(a netip.AddrPort) unix.Sockaddr {
	if c.family == unix.AF_INET {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().Unmap().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: uint32(zoneIndex(a.Addr().Zone()))}
}

// groupOf returns the group with its zone, where it needs one, and the interface; nil if
// the kernel is to choose.
func groupOf(o Options) (netip.AddrPort, *net.Interface, error) {
	group := o.Group.Addr().Unmap()
	name := o.Interface
	if name == "" {
		name = group.Zone()
	}
	group = group.WithZone("")
	if name == "" {
		if group.IsLinkLocalMulticast() {
			return netip.AddrPort{}, nil, fmt.Errorf("mcast: group %v stays within one link; say on which interface", group)
		}
		return netip.AddrPortFrom(group, o.Group.Port()), nil, nil
	}
	i, err := net.InterfaceByName(name)
	if err != nil {
		return netip.AddrPort{}, nil, fmt.Errorf("mcast: interface %s: %w", name, err)
	}
	if group.Is6() && (group.IsLinkLocalMulticast() || group.IsInterfaceLocalMulticast()) {
		group = group.WithZone(name)
	}
	return netip.AddrPortFrom(group, o.Group.Port()), i, nil
}

// join makes the socket a receiver of the group, and of nothing else.
func (c *Conn) join(o Options) error {
	group, ifi, err := groupOf(o)
	if err != nil {
		return err
	}
	set := []option{{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1}}
	if c.family == unix.AF_INET {
		set = append(set, option{unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0},
			option{unix.IPPROTO_IP, unix.IP_RECVTOS, 1})
	} else {
		set = append(set, option{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0},
			option{unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1})
	}
	if err := c.set(set); err != nil {
		return err
	}
	if ifi != nil {
		// Joining is enough for IPv4; an IPv6 socket would hear the group on every
		// interface where anyone joined it. Kernels before 5.7 forbid it to all but root.
		_ = unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, ifi.Index)
	}
	if err := c.bind(group, "choose another port for the group"); err != nil {
		return err
	}
	err = c.asPacketConn(func(pc net.PacketConn) error { return joinGroup(pc, ifi, group.Addr(), o.Source) })
	if err != nil {
		return fmt.Errorf("mcast: joining %v on %s: %w", group.Addr(), interfaceLabel(ifi), err)
	}
	return nil
}

func interfaceLabel(ifi *net.Interface) string {
	if ifi == nil {
		return "the interface of the default route (name one, if there is none)"
	}
	return ifi.Name
}

func joinGroup(pc net.PacketConn, ifi *net.Interface, group, source netip.Addr) error {
	g := &net.UDPAddr{IP: group.AsSlice()}
	s := &net.UDPAddr{IP: source.Unmap().AsSlice()}
	switch {
	case group.Is4() && source.IsValid():
		return ipv4.NewPacketConn(pc).JoinSourceSpecificGroup(ifi, g, s)
	case group.Is4():
		return ipv4.NewPacketConn(pc).JoinGroup(ifi, g)
	case source.IsValid():
		return ipv6.NewPacketConn(pc).JoinSourceSpecificGroup(ifi, g, s)
	}
	return ipv6.NewPacketConn(pc).JoinGroup(ifi, g)
}

// aim makes the socket a sender to the group.
func (c *Conn) aim(o Options) error {
	group, ifi, err := groupOf(o)
	if err != nil {
		return err
	}
	err = c.asPacketConn(func(pc net.PacketConn) error { return sendOptions(pc, group.Addr(), ifi, o) })
	if err != nil {
		return fmt.Errorf("mcast: preparing to send to %v on %s: %w", group.Addr(), interfaceLabel(ifi), err)
	}
	if o.Source.IsValid() {
		if err := c.bind(netip.AddrPortFrom(o.Source.Unmap(), 0), "choose another source"); err != nil {
			return err
		}
	}
	return c.connect(group)
}

func sendOptions(pc net.PacketConn, group netip.Addr, ifi *net.Interface, o Options) error {
	if group.Is4() {
		p := ipv4.NewPacketConn(pc)
		if ifi != nil {
			if err := p.SetMulticastInterface(ifi); err != nil {
				return err
			}
		}
		return errors.Join(p.SetMulticastTTL(o.ttl()), p.SetMulticastLoopback(o.Loop))
	}
	p := ipv6.NewPacketConn(pc)
	if ifi != nil {
		if err := p.SetMulticastInterface(ifi); err != nil {
			return err
		}
	}
	return errors.Join(p.SetMulticastHopLimit(o.ttl()), p.SetMulticastLoopback(o.Loop))
}

// dial connects the socket to a unicast peer.
func (c *Conn) dial(peer netip.AddrPort, o Options) error {
	if o.Source.IsValid() {
		if err := c.bind(netip.AddrPortFrom(o.Source.Unmap(), 0), "choose another source"); err != nil {
			return err
		}
	}
	return c.connect(peer)
}

// connect fixes the peer. Where there is no route to it yet, Write tries again, so that
// a link may come up later.
func (c *Conn) connect(peer netip.AddrPort) error {
	c.peer = peer
	err := unix.Connect(c.fd, c.unixSockaddr(peer))
	if err != nil && !isRefusal(err) {
		return fmt.Errorf("mcast: addressing %v: %w", peer, err)
	}
	c.connected = err == nil
	return nil
}

// asPacketConn lends the socket to x/net, which knows the layouts of the group options on
// every architecture. What is set belongs to the socket and outlives the loan.
func (c *Conn) asPacketConn(use func(net.PacketConn) error) error {
	dup, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(dup), "mcast")
	defer file.Close()
	pc, err := net.FilePacketConn(file)
	if err != nil {
		return err
	}
	defer pc.Close()
	return use(pc)
}
