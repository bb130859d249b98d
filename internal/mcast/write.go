package mcast

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// maxTrain is how many datagrams a train may have: UDP_MAX_SEGMENTS of the oldest kernels
	// that know trains.
	maxTrain = 64
	// maxTrainBytes is the longest train: what one datagram may have over IPv4.
	maxTrainBytes = 65507
	// vectorLimit is how many pieces of memory one system call gathers.
	vectorLimit = 512
)

// sender is the memory of a Conn's Write.
type sender struct {
	messages [batchSize]message
	vectors  [vectorLimit]unix.Iovec
	// controls say how long each datagram of a train is: one UDP_SEGMENT message.
	controls [batchSize][24]byte
	packets  [batchSize]int // how many datagrams each message has
	name     sockaddr       // of WriteTo
	// trains says that the kernel takes trains.
	trains bool
}

func newSender(trains bool) *sender {
	s := &sender{trains: trains}
	for i := range s.messages {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&s.controls[i][0]))
		h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
		h.SetLen(unix.CmsgLen(2))
	}
	return s
}

// Write sends each element of batch as one datagram to the group or peer, in order, and
// returns how many of them are done with. It never blocks: fewer than len(batch) without an error
// says that the send buffer is full; a Poller then waits for room, too. With an error,
// batch[n] is the datagram that caused it. Write keeps no slice.
//
// Neighbours of one length, the last of them possibly shorter, go through the kernel as one
// train, at the price of about one datagram. It is cheapest if they also lie one behind the other
// in memory.
func (c *Conn) Write(batch [][]byte) (n int, err error) {
	if c.fd >= 0 && !c.connected {
		if !c.peer.IsValid() {
			return 0, errors.New("mcast: write: this socket has no peer; use WriteTo")
		}
		if err := c.connect(c.peer); err != nil {
			return 0, err
		}
		if !c.connected { // still no route
			c.stats.PacketsRefused += uint64(len(batch))
			return len(batch), nil
		}
	}
	return c.write(batch, nil)
}

// WriteTo sends one datagram to an address; it is for sockets made by ListenUnicast. A
// full send buffer loses it, and counts it as refused.
func (c *Conn) WriteTo(b []byte, to netip.AddrPort) error {
	if to.Addr().Unmap().Is4() != (c.family == unix.AF_INET) && c.family == unix.AF_INET {
		return fmt.Errorf("mcast: an IPv4 socket cannot send to %v", to)
	}
	c.send.name.set(c.family, to)
	one := [1][]byte{b}
	n, err := c.write(one[:], &c.send.name)
	if err == nil && n == 0 {
		c.stats.PacketsRefused++
	}
	return err
}

// attempt is how far a Write is.
type attempt struct {
	done int // datagrams
	// alone is up to where datagrams are sent one by one, because the train they made was refused.
	alone int
	// doubted says that the kernel may not know trains: the next datagram that goes alone shows.
	doubted bool
	// tooLong is the datagram that was refused as too long once, or -1.
	tooLong int
}

func (c *Conn) write(batch [][]byte, name *sockaddr) (n int, err error) {
	if c.fd < 0 {
		return 0, fmt.Errorf("mcast: write: %w", net.ErrClosed)
	}
	c.full = false
	a := attempt{tooLong: -1}
	for a.done < len(batch) {
		messages := c.send.load(batch[a.done:], a.alone-a.done)
		sent, err := c.send.flush(c.fd, messages, name, c.nameLength())
		c.count(&a, batch, sent)
		if err == unix.EAGAIN {
			c.full = true
			break
		}
		if err != nil && !c.recover(&a, c.send.packets[0], err) {
			if err == unix.EMSGSIZE {
				return a.done, fmt.Errorf("mcast: a datagram of %d bytes is longer than the link allows; lower --mtu: %w", len(batch[a.done]), err)
			}
			return a.done, fmt.Errorf("mcast: write: %w", err)
		}
	}
	return a.done, nil
}

// count takes note of the messages that the kernel took.
func (c *Conn) count(a *attempt, batch [][]byte, messages int) {
	for _, packets := range c.send.packets[:messages] {
		for _, b := range batch[a.done : a.done+packets] {
			c.stats.BytesSent += uint64(len(b))
		}
		a.done += packets
		c.stats.PacketsSent += uint64(packets)
		if packets > 1 {
			c.stats.TrainsSent++
		} else if a.doubted {
			a.doubted = false
			c.send.trains = false
		}
	}
}

// recover decides what follows from an error for a message of some packets; false says that the
// Write has failed.
func (c *Conn) recover(a *attempt, packets int, err error) bool {
	switch {
	case err == unix.EINTR:
	case err == unix.ECONNREFUSED: // an answer to an earlier datagram; this one was not sent
		c.stats.Unreachable++
	case isRefusal(err):
		c.stats.PacketsRefused += uint64(packets)
		a.done += packets
	case err == unix.EMSGSIZE && a.tooLong != a.done: // perhaps an answer, too
		a.tooLong = a.done
	case packets > 1 && (err == unix.EMSGSIZE || err == unix.EINVAL || err == unix.EIO):
		// The kernel or the interface cannot cut trains, or a datagram is too long: which of
		// them shows when they go one by one.
		c.stats.TrainsRefused++
		a.alone, a.doubted = a.done+packets, err != unix.EMSGSIZE
	default:
		return false
	}
	return true
}

func (c *Conn) nameLength() uint32 {
	if c.family == unix.AF_INET {
		return unix.SizeofSockaddrInet4
	}
	return unix.SizeofSockaddrInet6
}

// load makes messages of as much of batch as fits, the first alone datagrams one by one. It
// returns how many.
func (s *sender) load(batch [][]byte, alone int) (messages int) {
	used := 0
	for messages < batchSize && len(batch) > 0 && used < vectorLimit {
		packets := 1
		if s.trains && alone <= 0 {
			packets = trainLength(batch, vectorLimit-used)
		}
		vectors := s.gather(used, batch[:packets])
		h := &s.messages[messages].header
		h.Iov = &s.vectors[used]
		h.SetIovlen(vectors)
		h.Control = nil
		h.SetControllen(0)
		if packets > 1 {
			binary.NativeEndian.PutUint16(s.controls[messages][unix.CmsgLen(0):], uint16(len(batch[0])))
			h.Control = &s.controls[messages][0]
			h.SetControllen(len(s.controls[messages]))
		}
		s.packets[messages] = packets
		messages++
		used += vectors
		alone -= packets
		batch = batch[packets:]
	}
	return messages
}

// trainLength returns how many datagrams at the front of batch can go as one train.
func trainLength(batch [][]byte, limit int) int {
	segment := len(batch[0])
	if segment == 0 {
		return 1
	}
	n, bytes := 1, segment
	for n < min(len(batch), maxTrain, limit) {
		length := len(batch[n])
		if length == 0 || length > segment || bytes+length > maxTrainBytes {
			break
		}
		n++
		bytes += length
		if length < segment {
			break
		}
	}
	return n
}

// gather points the vectors from first on at the memory of some datagrams, at neighbours with one.
// It returns how many vectors that took.
func (s *sender) gather(first int, packets [][]byte) (count int) {
	for i, b := range packets {
		start := unsafe.SliceData(b)
		if i > 0 {
			last := &s.vectors[first+count-1]
			if uintptr(unsafe.Pointer(last.Base))+uintptr(last.Len) == uintptr(unsafe.Pointer(start)) {
				last.SetLen(int(last.Len) + len(b))
				continue
			}
		}
		v := &s.vectors[first+count]
		v.Base = start
		v.SetLen(len(b))
		count++
	}
	return count
}

// flush is one sendmmsg. The kernel returns an error only for the first message; one further on
// shows at the next call.
func (s *sender) flush(fd, messages int, name *sockaddr, nameLength uint32) (int, error) {
	for i := range messages {
		h := &s.messages[i].header
		h.Name, h.Namelen = nil, 0
		if name != nil {
			h.Name, h.Namelen = &name[0], nameLength
		}
	}
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&s.messages[0])),
		uintptr(messages), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	for i := range messages { // the caller's memory is the caller's again
		h := &s.messages[i].header
		vectors := unsafe.Slice(h.Iov, int(h.Iovlen))
		for j := range vectors {
			vectors[j].Base = nil
		}
	}
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// isRefusal reports errors by which the network refuses one datagram, or tells that
// somebody refused an earlier one; the socket goes on working.
func isRefusal(err error) bool {
	switch err {
	case unix.ECONNREFUSED, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ENETDOWN, unix.EHOSTDOWN,
		unix.ENOBUFS, unix.EPERM, unix.EACCES, unix.ENODEV, unix.EPROTO, unix.ENOPROTOOPT:
		return true
	}
	return false
}
