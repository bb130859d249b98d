// Package crowd limits how many connections a server has at a time, so that a crowd of them leaves
// the process the open files that it needs itself. If there are more, connections that wait for
// their next request give way; those beyond wait in the system's queue.
package crowd

import (
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// least is the least that Most returns.
	least = 64
	// warnedAgain is the least time between two warnings of Warn.
	warnedAgain = time.Minute
	// idleEvery is how often those who are idle are looked for while others wait.
	idleEvery = 50 * time.Millisecond
)

// Most returns how many connections a server may have: one for each of so many files that the
// system allows the process to have open, and some in any case.
func Most(of int) int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return least
	}
	return int(max(min(limit.Cur, 1<<24)/uint64(of), least))
}

// Warn returns a full for Limit that logs a sentence, once in a while, with the address of who listens.
func Warn(log *slog.Logger, sentence string, address net.Addr) (full func(most int)) {
	var warned time.Time
	return func(most int) {
		if now := time.Now(); warned.IsZero() || now.Sub(warned) > warnedAgain {
			warned = now
			log.Warn(sentence, "address", address, "connections", most)
		}
	}
}

// Listener is a net.Listener that accepts no more than so many connections at a time.
type Listener struct {
	net.Listener
	server *http.Server
	full   func(most int)
	slots  chan struct{} // holds one for each connection
	once   sync.Once
	closed chan struct{}
}

// Limit makes a Listener of l for server, whose ConnState it sets; it is to serve no other. full is
// called each time that a connection must wait since there are most.
func Limit(server *http.Server, l net.Listener, most int, full func(most int)) *Listener {
	limited := &Listener{Listener: l, server: server, full: full, slots: make(chan struct{}, most), closed: make(chan struct{})}
	server.ConnState = limited.release
	return limited
}

// Accept is net.Listener's.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case l.slots <- struct{}{}:
	default: // it waits, as do those behind it in the system's queue
		l.full(cap(l.slots))
		if !l.wait() {
			c.Close()
			return nil, net.ErrClosed
		}
	}
	return c, nil
}

// wait takes the next slot that is free, and until one is has idle connections closed. It returns false
// if the Listener is closed.
func (l *Listener) wait() bool {
	again := time.NewTicker(idleEvery)
	defer again.Stop()
	for {
		l.server.SetKeepAlivesEnabled(false) // which closes those that are idle now
		l.server.SetKeepAlivesEnabled(true)
		select {
		case l.slots <- struct{}{}:
			return true
		case <-l.closed:
			return false
		case <-again.C:
		}
	}
}

// Close is net.Listener's.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// release is the server's ConnState.
func (l *Listener) release(_ net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
		<-l.slots
	}
}
