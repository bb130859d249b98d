package netns

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// packetHeader is the head of a frame's place in a ring: struct tpacket2_hdr.
type packetHeader struct {
	status          uint32
	length, snapped uint32
	mac, network    uint16
	second, nanos   uint32 // wall clock
	_               [8]byte
}

const (
	// headRoom is what a place holds besides the frame, with some to spare.
	headRoom = 128
	// ethernetHeader is the length of what comes before the packet in a frame.
	ethernetHeader = 14
)

// tap is a packet socket on an interface: it takes in what comes to the interface, by way of a ring
// of places in memory shared with the kernel, and sends out of it. The ring counts towards no
// limit on socket buffers, which without root are too small for a burst.
type tap struct {
	fd     int
	ring   []byte
	size   int // of one place
	places int
	next   int
}

// openTap opens a tap on an interface of the calling thread's namespace, with that many places.
func openTap(device string, mtu, places int) (*tap, error) {
	iface, err := net.InterfaceByName(device)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	t := &tap{fd: fd, size: powerOfTwo(mtu + headRoom), places: places}
	if err := t.open(iface.Index); err != nil {
		t.close()
		return nil, fmt.Errorf("packet socket on %s: %w", device, err)
	}
	return t, nil
}

func (t *tap) open(index int) error {
	block := max(t.size, 1<<16)
	t.places = max(t.places*t.size/block, 1) * (block / t.size)
	request := unix.TpacketReq{
		Block_size: uint32(block), Block_nr: uint32(t.places * t.size / block),
		Frame_size: uint32(t.size), Frame_nr: uint32(t.places),
	}
	if err := unix.SetsockoptInt(t.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2); err != nil {
		return err
	}
	if err := unix.SetsockoptTpacketReq(t.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &request); err != nil {
		return fmt.Errorf("ring of %d frames: %w", t.places, err)
	}
	var err error
	t.ring, err = unix.Mmap(t.fd, 0, t.places*t.size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("mapping the ring: %w", err)
	}
	if err := unix.SetsockoptInt(t.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		return err
	}
	// More room to send where that is allowed; the retries of a wire do without.
	_ = unix.SetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 4<<20)
	all := uint16(unix.ETH_P_ALL)
	return unix.Bind(t.fd, &unix.SockaddrLinklayer{Protocol: all<<8 | all>>8, Ifindex: index})
}

// read calls take for each frame that is there, with the wall clock's time in nanoseconds at which
// it came. The frame is valid during the call.
func (t *tap) read(take func(frame []byte, wall int64)) {
	for range t.places {
		place := t.ring[t.next*t.size : (t.next+1)*t.size]
		header := (*packetHeader)(unsafe.Pointer(unsafe.SliceData(place)))
		if atomic.LoadUint32(&header.status)&unix.TP_STATUS_USER == 0 {
			return
		}
		if header.length == header.snapped { // and not larger than a place
			take(place[header.mac:][:header.snapped], int64(header.second)*int64(time.Second)+int64(header.nanos))
		}
		atomic.StoreUint32(&header.status, unix.TP_STATUS_KERNEL)
		t.next = (t.next + 1) % t.places
	}
}

// missed returns how many frames found the ring full since the last call.
func (t *tap) missed() uint64 {
	var s unix.TpacketStats
	size := uint32(unsafe.Sizeof(s))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(t.fd), unix.SOL_PACKET, unix.PACKET_STATISTICS,
		uintptr(unsafe.Pointer(&s)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	return uint64(s.Drops)
}

// clearError forgets that the interface went down, which would wake the poller for ever.
func (t *tap) clearError() {
	_, _ = unix.GetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_ERROR)
}

func (t *tap) close() {
	if t.ring != nil {
		_ = unix.Munmap(t.ring)
	}
	_ = unix.Close(t.fd)
	t.ring, t.fd = nil, -1
}

func powerOfTwo(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}
