// Package crowd limits how many connections a server has at a time, so that a crowd of them leaves
// the process the open files that it needs itself. Those beyond wait in the system's queue.
//
// A server serves a Listener and has Listener.ConnState for its own.
package crowd

import (
	"net"
	"net/http"
	"sync"

	"golang.org/x/sys/unix"
)

// least is the least that Most returns.
const least = 64

// Most returns how many connections a server may have: one for each of so many files that the
// system allows the process to have open, and some in any case.
func Most(of int) int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return least
	}
	return int(max(min(limit.Cur, 1<<24)/uint64(of), least))
}

// Listener is a net.Listener that accepts no more than so many connections at a time.
type Listener struct {
	net.Listener
	full   func(most int)
	slots  chan struct{} // holds one for each connection, and one for an Accept under way
	once   sync.Once
	closed chan struct{}
}

// Limit makes a Listener of l. full is called by Accept each time that a connection must wait.
func Limit(l net.Listener, most int, full func(most int)) *Listener {
	return &Listener{Listener: l, full: full, slots: make(chan struct{}, most), closed: make(chan struct{})}
}

// Accept is net.Listener's.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	default:
		l.full(cap(l.slots))
		select {
		case l.slots <- struct{}{}:
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
	}
	return c, err
}

// Close is net.Listener's.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// ConnState is for http.Server.ConnState.
func (l *Listener) ConnState(_ net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
		<-l.slots
	}
}
