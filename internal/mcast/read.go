package mcast

import (
	"encoding/binary"
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

const (
	// batchSize is how many messages one system call moves: a message is a datagram, or a
	// train of them.
	batchSize = 64
	// trainBatch is how many messages one read takes after one that brought trains: 256 KiB at most,
	// which stay in the processor's cache, beside the block that they are copied into, until they are
	// used. (With 1 MiB an edge that is behind takes 4 % more processor time.)
	trainBatch = 4
	// trainLimit is room for the longest train in bytes. It is no multiple of a page, so that the
	// heads of the pieces do not compete for the same few lines of the cache.
	trainLimit = 1<<16 + 3*512
	// controlRoom is room for the three control messages asked for, of at most an int each.
	controlRoom = 3 * 24
)

// receiver is the memory of a Conn's Read.
type receiver struct {
	messages []message
	vectors  []unix.Iovec
	names    []sockaddr
	controls [][controlRoom]byte
	payloads []byte // a piece of stride bytes for each message
	stride   int
	limit    int        // of one datagram
	batch    []Datagram // returned last
	ask      int        // for how many messages the next read asks
	more     bool
	drops    uint32 // the kernel's counter as last seen
	dropped  uint32 // Datagram.Dropped of the next one
	// last is the sender decoded last: nearly every datagram has the same.
	last     sockaddr
	lastAddr netip.AddrPort
}

// newReceiver makes a receiver of datagrams of up to limit bytes, also in trains.
func newReceiver(limit int, trains bool) *receiver {
	count, stride := batchSize, limit
	if trains {
		stride = trainLimit // what is not used of it stays virtual
	}
	r := &receiver{
		limit: limit, stride: stride, ask: count, payloads: make([]byte, count*stride),
		messages: make([]message, count), vectors: make([]unix.Iovec, count),
		names: make([]sockaddr, count), controls: make([][controlRoom]byte, count),
		batch: make([]Datagram, 0, count*maxTrain),
	}
	for i := range r.messages {
		r.vectors[i].Base = &r.payloads[i*stride]
		r.vectors[i].SetLen(stride)
		h := &r.messages[i].header
		h.Name = &r.names[i][0]
		h.Iov = &r.vectors[i]
		h.SetIovlen(1)
		h.Control = &r.controls[i][0]
	}
	return r
}

// Read returns datagrams that have arrived and never blocks: an empty batch says that
// nothing is there. The batch is the Conn's, valid until the next Read. More says whether another
// Read is worth while.
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
	r.batch, r.more = r.batch[:0], false
	for len(r.batch) == 0 { // again, if all of a batch was dropped here
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
		r.more = n == r.ask
		trains := c.stats.TrainsReceived
		for i := range n {
			c.accept(i)
		}
		if r.ask = batchSize; c.stats.TrainsReceived != trains {
			r.ask = trainBatch
		}
	}
	return r.batch, nil
}

// More reports whether the last Read left something behind, as far as is known.
func (c *Conn) More() bool { return c.receive != nil && c.receive.more }

// fill is one recvmmsg.
func (r *receiver) fill(fd int) (int, error) {
	for i := range r.ask {
		h := &r.messages[i].header
		h.Namelen = uint32(len(r.names[i]))
		h.SetControllen(len(r.controls[i]))
	}
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.messages[0])),
		uintptr(r.ask), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// accept appends the datagrams of message i to the batch, but those that are dropped here.
func (c *Conn) accept(i int) {
	r := c.receive
	m := &r.messages[i]
	length := int(m.length)
	segment, drops, marked := r.control(i)
	if segment <= 0 {
		segment = max(length, 1) // one datagram, perhaps empty
	} else {
		c.stats.TrainsReceived++
	}
	if drops != r.drops {
		// A train that found no room is one drop to the kernel. What it was is not known; this one
		// came by the same way.
		lost := uint64(drops - r.drops) // in 32 bits: right across its wrap
		c.stats.SocketDrops += lost * uint64(max((length+segment-1)/segment, 1))
		r.dropped += drops - r.drops
		r.drops = drops
	}
	if m.header.Flags&unix.MSG_TRUNC != 0 {
		c.stats.PacketsTruncated++
		return
	}
	if r.names[i] != r.last {
		r.last, r.lastAddr = r.names[i], r.names[i].addrPort(m.header.Namelen)
	}
	payload := r.payloads[i*r.stride:][:length:length]
	for len(payload) > segment {
		c.keep(payload[:segment:segment], marked)
		payload = payload[segment:]
	}
	c.keep(payload, marked)
}

// keep appends one datagram to the batch unless it is dropped here.
func (c *Conn) keep(payload []byte, marked bool) {
	r := c.receive
	if len(payload) > r.limit {
		c.stats.PacketsTruncated++
		return
	}
	if c.loss > 0 && c.rng.Float64() < c.loss {
		c.stats.PacketsInjected++
		return
	}
	r.batch = append(r.batch, Datagram{Payload: payload, From: r.lastAddr, Marked: marked, Dropped: r.dropped})
	r.dropped = 0
	c.stats.PacketsReceived++
	c.stats.BytesReceived += uint64(len(payload))
}

// control finds what came beside message i: how long each datagram of a train is, 0 if it is
// none; the counter SO_RXQ_OVFL, which the kernel leaves out while it is 0; and whether the
// datagrams are marked. (The kernel joins only datagrams of one traffic class.)
func (r *receiver) control(i int) (segment int, drops uint32, marked bool) {
	drops = r.drops
	b := r.controls[i][:min(int(r.messages[i].header.Controllen), len(r.controls[i]))]
	for len(b) > unix.CmsgLen(0) {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		length := int(h.Len)
		if length <= unix.CmsgLen(0) || length > len(b) {
			break
		}
		data := b[unix.CmsgLen(0):length]
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_TOS: // one byte
			marked = data[0]&ecnMask == ecnCE
		case len(data) < 4:
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_RXQ_OVFL:
			drops = binary.NativeEndian.Uint32(data)
		case h.Level == unix.SOL_UDP && h.Type == unix.UDP_GRO:
			segment = int(int32(binary.NativeEndian.Uint32(data)))
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_TCLASS:
			marked = binary.NativeEndian.Uint32(data)&ecnMask == ecnCE
		}
		b = b[min(unix.CmsgSpace(length-unix.CmsgLen(0)), len(b)):]
	}
	return segment, drops, marked
}

// overwrite spoils the payloads of the batch returned last.
func (r *receiver) overwrite() {
	for _, d := range r.batch {
		for i := range d.Payload {
			d.Payload[i] = 0xdb
		}
	}
}
