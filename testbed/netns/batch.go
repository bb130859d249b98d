package netns

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchSize is how many frames go to the kernel in one call.
const batchSize = 64

// message is struct mmsghdr.
type message struct {
	header unix.Msghdr
	_      uint32 // how many bytes went
}

// batch sends frames.
type batch struct {
	frames   [batchSize]flight
	messages [batchSize]message
	vectors  [batchSize]unix.Iovec
}

// send sends the first n frames out of a tap. It returns how many went and, if not all, why not.
func (b *batch) send(t *tap, n int) (int, error) {
	for i, f := range b.frames[:n] {
		b.vectors[i].Base = unsafe.SliceData(f.frame)
		b.vectors[i].SetLen(len(f.frame))
		b.messages[i].header.Iov = &b.vectors[i]
		b.messages[i].header.SetIovlen(1)
	}
	sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(t.fd), uintptr(unsafe.Pointer(&b.messages[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(sent), nil
}
