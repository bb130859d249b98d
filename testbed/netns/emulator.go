package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/internal/mono"
)

const (
	// delivery is the least time between two deliveries that nothing but the time calls for:
	// frames due in between leave together, that much late at most.
	delivery = 50 * time.Microsecond
	// ringBudget is how many frames all rings of a network hold together.
	ringBudget = 1 << 15
	maxRing    = 1 << 12
	minRing    = 1 << 7
)

// emulator carries the frames of all wires of a network, on one thread of its own: a goroutine that
// owns the wires, the buffers and the three descriptors.
type emulator struct {
	start              time.Time // the zero of its time
	epoll, timer, wake int
	quit               chan struct{} // closed to end the goroutine
	done               chan struct{} // closed when it has ended

	mu    sync.Mutex
	calls []func() // to run on the goroutine

	wires   []*wire
	sources map[int32]*direction // by the descriptor of the tap they read
	free    [][]byte
	batch   batch
	armed   mono.Time
}

// theEmulator returns the network's emulator, and starts it the first time.
func (n *Network) theEmulator() (*emulator, error) {
	n.starting.Lock()
	defer n.starting.Unlock()
	if n.emulator != nil {
		return n.emulator, nil
	}
	e := &emulator{
		start: time.Now(), epoll: -1, timer: -1, wake: -1,
		quit: make(chan struct{}), done: make(chan struct{}),
		sources: map[int32]*direction{}, armed: mono.Never,
	}
	if err := e.open(); err != nil {
		e.release()
		return nil, fmt.Errorf("starting the emulator: %w", err)
	}
	go e.run()
	n.emulator = e
	return e, nil
}

// frames is how many places each ring gets.
func (n *Network) frames() int {
	return min(max(ringBudget/(2*len(n.topology.Links)), minRing), maxRing)
}

func (e *emulator) open() (err error) {
	if e.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if e.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return err
	}
	if e.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return err
	}
	return errors.Join(e.watch(e.timer), e.watch(e.wake))
}

func (e *emulator) watch(fd int) error {
	return unix.EpollCtl(e.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// add gives the emulator a wire to carry, which it then owns.
func (e *emulator) add(w *wire) (err error) {
	ended := e.call(func() {
		e.wires = append(e.wires, w)
		for _, d := range w.directions() {
			e.sources[int32(d.from.fd)] = d
			err = errors.Join(err, e.watch(d.from.fd))
		}
	})
	return errors.Join(err, ended)
}

// call runs f on the emulator's goroutine and waits for it.
func (e *emulator) call(f func()) error {
	finished := make(chan struct{})
	e.mu.Lock()
	e.calls = append(e.calls, func() { f(); close(finished) })
	e.mu.Unlock()
	e.rouse()
	select {
	case <-finished:
		return nil
	case <-e.done:
		return fmt.Errorf("netns: emulator: %w", os.ErrClosed)
	}
}

// runCalls runs what was called for, on the goroutine.
func (e *emulator) runCalls() {
	e.mu.Lock()
	calls := e.calls
	e.calls = nil
	e.mu.Unlock()
	for _, call := range calls {
		call()
	}
}

// rouse ends the goroutine's wait. An event counter that is full does so already.
func (e *emulator) rouse() { _, _ = unix.Write(e.wake, binary.NativeEndian.AppendUint64(nil, 1)) }

// close ends the goroutine and lets go of everything.
func (e *emulator) close() {
	close(e.quit)
	e.rouse()
	<-e.done
}

func (e *emulator) release() {
	for _, fd := range []int{e.epoll, e.timer, e.wake} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// run is the goroutine.
func (e *emulator) run() {
	runtime.LockOSThread() // for ever: the thread may be a preferred one, and ends with the goroutine
	defer close(e.done)
	// Before the processes under test where that is allowed: a late emulator is a fault of its own.
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), -15)
	defer func() {
		var closing sync.WaitGroup // the kernel takes its time for each
		for _, w := range e.wires {
			closing.Go(w.close)
		}
		closing.Wait()
		e.release()
	}()
	var events [128]unix.EpollEvent
	for {
		n, err := unix.EpollWait(e.epoll, events[:], -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return // never: the descriptors are ours
		}
		for _, event := range events[:max(n, 0)] {
			if !e.handle(event) {
				return
			}
		}
		e.deliver()
	}
}

// handle does what an event calls for, and reports whether to go on.
func (e *emulator) handle(event unix.EpollEvent) bool {
	var count [8]byte
	switch event.Fd {
	case int32(e.timer):
		_, _ = unix.Read(e.timer, count[:])
		e.armed = mono.Never
	case int32(e.wake):
		_, _ = unix.Read(e.wake, count[:])
		e.runCalls()
		select {
		case <-e.quit:
			return false
		default:
		}
	default:
		d := e.sources[event.Fd]
		if event.Events&unix.EPOLLERR != 0 {
			d.from.clearError()
		}
		d.take(e, time.Now())
	}
	return true
}

// at is the emulator's time of a reading of the clock.
func (e *emulator) at(t time.Time) mono.Time { return mono.Time(t.Sub(e.start)) }

// deliver sends what is due on all wires, and sets the timer for what is due next.
func (e *emulator) deliver() {
	now := e.at(time.Now())
	next := mono.Never
	for _, w := range e.wires {
		next = min(next, w.outward.deliver(e, now), w.inward.deliver(e, now))
	}
	if next == mono.Never || next == e.armed {
		return
	}
	e.armed = next
	wait := max(next.Sub(now), delivery)
	// It fails only for a time that there is not.
	_ = unix.TimerfdSettime(e.timer, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(wait.Nanoseconds())}, nil)
}

// buffer returns an empty buffer with room for a frame.
func (e *emulator) buffer(length int) []byte {
	if n := len(e.free); n > 0 {
		b := e.free[n-1]
		e.free = e.free[:n-1]
		if cap(b) >= length {
			return b[:0]
		}
	}
	return make([]byte, 0, max(length, 2048))
}
