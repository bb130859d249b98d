package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// space is one anonymous network namespace.
//
// A goroutine on a locked thread of its own made the namespace and stays in it until close.
// Processes are started from that thread: the kernel ties a process's death to the thread that
// started it, so the thread must outlive them, and takes them along when it ends.
type space struct {
	handle netns.NsHandle // keeps the namespace alive and is the way in
	jobs   chan func()    // run on the thread inside
	quit   chan struct{}  // closed to end the thread
	done   chan struct{}  // closed when the thread is about to end
	once   sync.Once
}

// newSpace makes a namespace with nothing in it but a loopback interface that is down.
func newSpace() (*space, error) {
	s := &space{jobs: make(chan func()), quit: make(chan struct{}), done: make(chan struct{})}
	made := make(chan error)
	go s.run(made)
	if err := <-made; err != nil {
		return nil, err
	}
	return s, nil
}

// run is the goroutine of the thread inside. It never unlocks the thread, which therefore
// ends with it instead of going back to other goroutines.
func (s *space) run(made chan<- error) {
	runtime.LockOSThread()
	defer close(s.done)
	err := unshare()
	if err == nil {
		s.handle, err = netns.Get()
	}
	made <- err
	if err != nil {
		return
	}
	for {
		select {
		case job := <-s.jobs:
			job()
		case <-s.quit:
			return
		}
	}
}

// unshare moves the calling thread into a new network namespace.
func unshare() error {
	err := unix.Unshare(unix.CLONE_NEWNET)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) ||
		errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOSPC) { // ENOSPC: a sysctl allows none, or no more
		return notAllowed(err)
	}
	if err != nil {
		return fmt.Errorf("netns: making a network namespace: %w", err)
	}
	return nil
}

// start starts a process inside, which is killed when the space is closed and when
// this process dies.
func (s *space) start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	result := make(chan error, 1)
	select {
	case s.jobs <- func() { result <- cmd.Start() }:
		return <-result
	case <-s.done:
		return fmt.Errorf("netns: start %s: %w", cmd.Path, os.ErrClosed)
	}
}

// do runs f on a thread of its own inside, and returns its error. Any number of calls may
// be under way, one in another. The thread cannot come back, as a user namespace forbids
// the way back into the machine's own network, so it ends with f.
func (s *space) do(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for ever: see above
		err := errors.New("netns: the function ended its goroutine")
		defer func() { result <- err }()
		if e := netns.Set(s.handle); e != nil {
			err = fmt.Errorf("netns: entering a namespace: %w", e)
			return
		}
		err = f()
	}()
	return <-result
}

// close ends the thread, and with it the processes started from it, and lets go of
// the namespace.
func (s *space) close() (err error) {
	s.once.Do(func() {
		close(s.quit)
		<-s.done
		err = s.handle.Close()
	})
	return err
}
