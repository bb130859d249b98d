package netns

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// routingProtocol is what IPv4 and IPv6 do differently. Ports are numbers of a router's
// interfaces, which the kernel's virtual interfaces have too.
type routingProtocol interface {
	// open opens a raw socket in the calling thread's namespace and makes it the router's. ports are
	// the indexes of the interfaces.
	open(ports []int) (fd int, err error)
	// parse takes in what was read.
	parse(b []byte) heard
	// forward tells the kernel where a stream that comes in by one port goes out.
	forward(fd int, s stream, in int, out []int) error
	// query asks all on an interface, by its index, for their memberships.
	query(fd, index int) error
}

// heard is what a routing socket read: the kernel asking about a stream, or a report.
type heard struct {
	router int
	asks   bool
	stream stream
	// port is that by which either came in, from who sent a report.
	port int
	from netip.Addr
	// records are what a report says.
	records []groupRecord
}

// options sets options of a new socket, and keeps the first error.
type options struct {
	fd  int
	err error
}

// newOptions opens a raw socket.
func newOptions(family, protocol int) (*options, error) {
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, fmt.Errorf("raw socket: %w", err)
	}
	return &options{fd: fd}, nil
}

func (o *options) set(level, option int, value int32) { o.setBytes(level, option, bytesOf(&value)) }

func (o *options) setBytes(level, option int, value []byte) {
	if o.err != nil {
		return
	}
	if err := unix.SetsockoptString(o.fd, level, option, string(value)); err != nil {
		o.err = fmt.Errorf("socket option %d: %w", option, err)
	}
}

// done returns the socket, or closes it and returns the error.
func (o *options) done() (fd int, err error) {
	if o.err != nil {
		_ = unix.Close(o.fd)
		return -1, o.err
	}
	return o.fd, nil
}

// bytesOf is the memory of a structure that the kernel knows.
func bytesOf[T any](value *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(value)), unsafe.Sizeof(*value))
}

// addressOf is where a packet came from.
func addressOf(s unix.Sockaddr) netip.Addr {
	switch s := s.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(s.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(s.Addr)
	}
	return netip.Addr{}
}

// interfaceOf is the index of the interface by which a packet came, by its control messages; -1
// if they do not say.
func interfaceOf(control []byte) int {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return -1
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= 4:
			return int(binary.NativeEndian.Uint32(m.Data)) // struct in_pktinfo: the index first
		case m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= 20:
			return int(binary.NativeEndian.Uint32(m.Data[16:])) // struct in6_pktinfo: an address first
		}
	}
	return -1
}
