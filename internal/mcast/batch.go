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

// message is one element of recvmmsg and sendmmsg: struct mmsghdr.
type message struct {
	header unix.Msghdr
	length uint32 // bytes moved
}

// receiver is the memory of a Conn's Read.
type receiver struct {
	messages  [batchSize]message
	vectors   [batchSize]unix.Iovec
	names     [batchSize]sockaddr
	controls  [batchSize][32]byte // room for the one control message asked for
	payloads  []byte              // batchSize pieces of limit bytes
	limit     int
	datagrams [batchSize]Datagram
	returned  int    // length of the last batch
	drops     uint32 // the kernel's counter as last seen
	// last is the sender decoded last: nearly every datagram has the same.
	last     sockaddr
	lastAddr netip.AddrPort
}

func newReceiver(limit int) *receiver {
	r := &receiver{limit: limit, payloads: make([]byte, batchSize*limit)}
	for i := range r.messages {
		r.vectors[i].Base = &r.payloads[i*limit]
		r.vectors[i].SetLen(limit)
		h := &r.messages[i].header
		h.Name = &r.names[i][0]
		h.Iov = &r.vectors[i]
		h.SetIovlen(1)
		h.Control = &r.controls[i][0]
	}
	return r
}

// sender is the memory of a Conn's Write.
type sender struct {
	messages [batchSize]message
	vectors  [batchSize]unix.Iovec
	name     sockaddr // of WriteTo
}

func newSender() *sender {
	s := &sender{}
	for i := range s.messages {
		s.messages[i].header.Iov = &s.vectors[i]
		s.messages[i].header.SetIovlen(1)
	}
	return s
}

// Read returns datagrams that have arrived, at most 64, and never blocks: an empty batch
// says that nothing is there. The batch is the Conn's, valid until the next Read.
func (c *Conn) Read() ([]Datagram, error) {
	if c.fd < 0 {
		return nil, fmt.Errorf("mcast: read: %w", net.ErrClosed)
	}
	r := c.receive
	if r == nil {
		return nil, nil
	}
	if overwriteBatches {
		r.overwrite()
	}
	r.returned = 0
	for r.returned == 0 { // again, if all of a batch was dropped here
		n, err := r.fill(c.fd)
		switch {
		case err == unix.EAGAIN:
			return nil, nil
		case err == unix.EINTR:
			continue
		case isRefusal(err) || err == unix.EMSGSIZE:
			c.stats.Unreachable++ // an ICMP error, kept by the socket for its next call
			continue
		case err != nil:
			return nil, fmt.Errorf("mcast: read: %w", err)
		}
		for i := range n {
			c.accept(i)
		}
	}
	return r.datagrams[:r.returned], nil
}

// fill is one recvmmsg.
func (r *receiver) fill(fd int) (int, error) {
	for i := range r.messages {
		h := &r.messages[i].header
		h.Namelen = uint32(len(r.names[i]))
		h.SetControllen(len(r.controls[i]))
	}
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.messages[0])),
		batchSize, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// accept appends message i to the batch unless it is dropped here.
func (c *Conn) accept(i int) {
	r := c.receive
	m := &r.messages[i]
	if drops, ok := r.dropCounter(i); ok {
		c.stats.SocketDrops += uint64(drops - r.drops) // in 32 bits: right across its wrap
		r.drops = drops
	}
	if m.header.Flags&unix.MSG_TRUNC != 0 {
		c.stats.PacketsTruncated++
		return
	}
	if c.loss > 0 && c.rng.Float64() < c.loss {
		c.stats.PacketsInjected++
		return
	}
	if r.names[i] != r.last {
		r.last, r.lastAddr = r.names[i], r.names[i].addrPort(m.header.Namelen)
	}
	start := i * r.limit
	end := start + int(m.length)
	r.datagrams[r.returned] = Datagram{Payload: r.payloads[start:end:end], From: r.lastAddr}
	r.returned++
	c.stats.PacketsReceived++
	c.stats.BytesReceived += uint64(m.length)
}

// dropCounter finds the SO_RXQ_OVFL counter that came with message i; the kernel leaves it
// out while it is 0.
func (r *receiver) dropCounter(i int) (drops uint32, ok bool) {
	b := r.controls[i][:]
	if int(r.messages[i].header.Controllen) < unix.CmsgLen(4) {
		return 0, false
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	if h.Level != unix.SOL_SOCKET || h.Type != unix.SO_RXQ_OVFL {
		return 0, false
	}
	return binary.NativeEndian.Uint32(b[unix.CmsgLen(0):]), true
}

// overwrite spoils the payloads of the batch returned last.
func (r *receiver) overwrite() {
	for _, d := range r.datagrams[:r.returned] {
		for i := range d.Payload {
			d.Payload[i] = 0xdb
		}
	}
}

// Write sends each element of batch as one datagram to the group or peer, in order, and
// returns how many of them are done with. It never blocks: fewer than len(batch) without an error
// says that the send buffer is full; a Poller then waits for room, too. With an error,
// batch[n] is the datagram that caused it. Write keeps no slice.
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

func (c *Conn) write(batch [][]byte, name *sockaddr) (n int, err error) {
	if c.fd < 0 {
		return 0, fmt.Errorf("mcast: write: %w", net.ErrClosed)
	}
	c.full = false
	tooLong := -1 // what was refused as too long once
	for n < len(batch) && err == nil {
		var sent int
		sent, err = c.send.flush(c.fd, batch[n:], name, c.nameLength())
		for _, b := range batch[n : n+sent] {
			c.stats.BytesSent += uint64(len(b))
		}
		c.stats.PacketsSent += uint64(sent)
		n += sent
		switch {
		case err == unix.EAGAIN:
			c.full = true
			return n, nil
		case err == unix.EINTR:
			err = nil
		case err == unix.ECONNREFUSED: // an answer to an earlier datagram; this one was not sent
			c.stats.Unreachable++
			err = nil
		case isRefusal(err):
			c.stats.PacketsRefused++
			n, err = n+1, nil
		case err == unix.EMSGSIZE && tooLong != n: // perhaps an answer, too
			tooLong, err = n, nil
		case err == unix.EMSGSIZE:
			return n, fmt.Errorf("mcast: a datagram of %d bytes is longer than the link allows; lower --mtu: %w", len(batch[n]), err)
		}
	}
	if err != nil {
		return n, fmt.Errorf("mcast: write: %w", err)
	}
	return n, nil
}

func (c *Conn) nameLength() uint32 {
	if c.family == unix.AF_INET {
		return unix.SizeofSockaddrInet4
	}
	return unix.SizeofSockaddrInet6
}

// flush is one sendmmsg of as much of batch as fits. The kernel returns an error only
// for the first datagram; one further on shows at the next call.
func (s *sender) flush(fd int, batch [][]byte, name *sockaddr, nameLength uint32) (int, error) {
	count := min(len(batch), batchSize)
	for i, b := range batch[:count] {
		s.vectors[i].Base = unsafe.SliceData(b)
		s.vectors[i].SetLen(len(b))
		h := &s.messages[i].header
		h.Name, h.Namelen = nil, 0
		if name != nil {
			h.Name, h.Namelen = &name[0], nameLength
		}
	}
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&s.messages[0])),
		uintptr(count), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	for i := range count {
		s.vectors[i].Base = nil // the caller's memory is the caller's again
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
