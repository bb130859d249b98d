package mcast

import (
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/internal/mono"
)

// Poller waits for datagrams, for a time, and for other goroutines.
//
// The goroutine that calls Wait owns it, together with the Conns. It calls
// runtime.LockOSThread first and stays locked: then a wait ends some 50 µs after its time
// or sooner, where Go's own timers may be a millisecond late.
type Poller struct {
	conns []*Conn
	fds   []unix.PollFd // one for each Conn, then the eventfd
	clock Clock
	tuned bool // the thread's timer slack is set
	// yielded is when the goroutine last gave up its turn.
	yielded mono.Time
	limit   unix.Timespec

	woken atomic.Bool // a wake-up is in the eventfd, or about to be
	mu    sync.Mutex  // guards event against a Wake during Close
	event int         // eventfd, -1 when closed
}

// NewPoller returns a Poller of these Conns, which it does not close.
func NewPoller(conns ...*Conn) (*Poller, error) {
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("mcast: eventfd: %w", err)
	}
	return &Poller{conns: conns, fds: make([]unix.PollFd, len(conns)+1), event: event}, nil
}

// Wait returns when a Conn has something to read, when one whose last Write stopped at a
// full buffer can write again, after a Wake, or at the time until, whichever comes first;
// mono.Never is no time, and a time that has passed only looks. It may return early. A closed
// Conn is not waited for.
func (p *Poller) Wait(until mono.Time) error {
	p.prepare()
	if p.event < 0 {
		return fmt.Errorf("mcast: wait: %w", net.ErrClosed)
	}
	for i, c := range p.conns {
		p.fds[i] = c.pollFd()
	}
	p.fds[len(p.conns)] = unix.PollFd{Fd: int32(p.event), Events: unix.POLLIN}
	if err := p.poll(until); err != nil {
		return err
	}
	if p.fds[len(p.conns)].Revents != 0 {
		var counter [8]byte
		_, _ = unix.Read(p.event, counter[:]) // empties it; what it says is of no interest
		p.woken.Store(false)
	}
	return nil
}

// Rest sleeps, whatever arrives. It may end early.
func (p *Poller) Rest(d time.Duration) {
	p.prepare()
	t := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&t, nil) // cut short by a signal: no harm
}

// yieldEvery is less than the 10 ms after which Go's runtime takes a goroutine for one that
// should be preempted. Not much less: a locked thread gives up its turn by way of another thread.
const yieldEvery = 9 * time.Millisecond

// prepare makes the thread ready for a wait.
func (p *Poller) prepare() {
	if !p.tuned {
		// The kernel may end a wait by the slack late, to gather wake-ups: 50 µs by default.
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0)
		p.tuned = true
	}
	p.yield()
}

// yield tells Go's scheduler from time to time that this goroutine is well behaved: one that is
// always the same thread's looks to it as if it ran for ever, and then its monitor thread takes
// away its processor in every system call, and polls every 20 µs: a third of an edge's CPU time.
func (p *Poller) yield() {
	if now := p.clock.Now(); now.Sub(p.yielded) >= yieldEvery {
		p.yielded = now
		runtime.Gosched()
	}
}

// pollFd is what to wait for on the Conn; poll passes over a negative Fd.
func (c *Conn) pollFd() unix.PollFd {
	p := unix.PollFd{Fd: int32(c.fd)}
	if c.receive != nil {
		p.Events |= unix.POLLIN
	}
	if c.full {
		p.Events |= unix.POLLOUT
	}
	if p.Events == 0 { // not even its errors: nobody reads them
		p.Fd = -1
	}
	return p
}

// poll is ppoll, taken up again when a signal ends it.
func (p *Poller) poll(until mono.Time) error {
	for {
		var limit *unix.Timespec
		if until != mono.Never {
			p.limit = unix.NsecToTimespec(int64(max(until.Sub(p.clock.Now()), 0)))
			limit = &p.limit
		}
		_, err := unix.Ppoll(p.fds, limit, nil)
		switch err {
		case nil:
			return nil
		case unix.EINTR:
		default:
			return fmt.Errorf("mcast: wait: %w", err)
		}
	}
}

// Wake ends the present or the next Wait. Any goroutine may call it, any number of times;
// calls before the Wait are one.
func (p *Poller) Wake() {
	if !p.woken.CompareAndSwap(false, true) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.event < 0 {
		return
	}
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(p.event, one[:]) // fails only when the counter is full: then it is set
}

// Close frees the Poller; a Wake after it does nothing. The owner calls it.
func (p *Poller) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.event < 0 {
		return nil
	}
	err := unix.Close(p.event)
	p.event = -1
	return err
}
