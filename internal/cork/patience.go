package cork

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A client may be slow, but it must take something in. After every step of time in which a write had to
// wait the kernel is asked how much the client has taken; after idleSteps steps in a row with less than
// leastTaken bytes the connection is cut. So nobody holds a connection and a file for ever by reading
// nothing, and nobody who reads is cut, whatever the size of the object. The kernel alone does not
// see to that: to it a client is well that answers its probes of a closed window.
const (
	step       = 15 * time.Second
	idleSteps  = 4
	leastTaken = 16 << 10
)

// patience is how much of it is left with one client.
type patience struct {
	step  time.Duration
	steps int
	taken uint64 // bytes that the client had taken when it last took enough
	idle  int    // steps since
	// foreign says that the deadline in force is one that was asked for.
	foreign bool
}

// spent takes note that a step is over in which bytes may have waited for the client, which has
// taken so many since the connection began. It reports whether to cut it.
func (p *patience) spent(taken uint64, waiting bool) (cut bool) {
	if !waiting || taken-p.taken >= leastTaken {
		p.taken, p.idle = taken, 0
		return false
	}
	p.idle++
	return p.idle >= p.steps
}

// wait begins a step. A write that must wait ends with it at the latest; none that need not does.
func (c *Conn) wait() error { return c.TCPConn.SetWriteDeadline(time.Now().Add(c.patience.step)) }

// SetWriteDeadline is net.Conn's. With a deadline nothing else counts; without, patience does.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if t.IsZero() && !c.patience.foreign {
		return nil // net/http says so after every answer; the step goes on
	}
	c.patience.foreign = !t.IsZero()
	if !c.patience.foreign {
		return c.wait()
	}
	return c.TCPConn.SetWriteDeadline(t)
}

// again reports whether a write that ended with err goes on where it ended: a step was over, be it
// before the write began, and the client is not to be cut.
func (c *Conn) again(err error) bool {
	if c.patience.foreign || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	var info *unix.TCPInfo
	var infoErr error
	err = c.raw.Control(func(fd uintptr) {
		info, infoErr = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if err != nil || infoErr != nil {
		return false
	}
	if c.patience.spent(info.Bytes_acked, info.Unacked > 0 || info.Notsent_bytes > 0) {
		_ = c.TCPConn.SetLinger(0) // what it did not take goes with the connection, which net/http closes
		return false
	}
	return c.wait() == nil
}

// push is the TCP connection's Write, as long as there is patience.
func (c *Conn) push(p []byte) (n int, err error) {
	for {
		part, err := c.TCPConn.Write(p[n:])
		n += part
		if err == nil || !c.again(err) {
			return n, err
		}
	}
}

// pushRaw is Write of the raw connection, as long as there is patience.
func (c *Conn) pushRaw(f func(fd uintptr) (done bool)) error {
	for {
		if err := c.raw.Write(f); err == nil || !c.again(err) {
			return err
		}
	}
}
