package mcast

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// memInfo is what SO_MEMINFO returns first: the kernel's SK_MEMINFO_RMEM_ALLOC and
// SK_MEMINFO_RCVBUF, in bytes. It writes as many of its numbers as there is room for.
type memInfo struct{ taken, buffer uint32 }

// Backlog returns how much of the receive buffer the datagrams take that Read has left there: 255 is
// all of it, 0 that the last Read left nothing as far as it knows. It is as exact as the kernel is,
// which gives memory back in steps of up to a quarter of the buffer.
func (c *Conn) Backlog() uint8 {
	if !c.More() {
		return 0
	}
	var info memInfo
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(c.fd), unix.SOL_SOCKET, unix.SO_MEMINFO, // Linux 4.12
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0 // whoever cannot tell is taken to keep up
	}
	share := uint64(info.taken) * 255 / uint64(max(info.buffer, 1))
	return uint8(min(max(share, 1), 255))
}
