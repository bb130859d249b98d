// Package cork has the connections of an HTTP server send the head of an answer and its body with
// as few system calls and segments as can be: a small body in one write with the head, a large one by
// sendfile(2), with the head at the front of its first segment. Package net/http gives the head a
// write and a segment of its own, which wakes the client once more; on a fast network a write costs
// more than all that comes before it.
//
// A server takes its connections from a Listener and has ConnContext for its own. A handler
// finds the connection with From, calls Hold before it writes the head, gives the body as a
// Section, and calls Release when it has done. One goroutine at a time writes, as net/http does.
//
// A client that takes nothing in for a minute, while something waits for it, is cut (patience.go).
package cork

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

// Limit is up to where a body is read into memory to leave in one write with what is held, in bytes.
// Sending 64 KB so costs less CPU time than sendfile(2), 100 KB more.
const Limit = 64 << 10

// headLimit is how much is held: net/http writes a head in pieces of 4 KiB.
const headLimit = 8 << 10

// buffer is room for both.
type buffer [headLimit + Limit]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// Listener is a net.Listener that makes a Conn of each TCP connection.
type Listener struct{ net.Listener }

// Accept is net.Listener's.
func (l Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	tcp, ok := c.(*net.TCPConn)
	if err != nil || !ok {
		return c, err
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		c.Close()
		return nil, err
	}
	made := &Conn{TCPConn: tcp, raw: raw, patience: patience{step: step, steps: idleSteps}}
	if err := made.wait(); err != nil {
		c.Close()
		return nil, err
	}
	return made, nil
}

type contextKey struct{}

// ConnContext is for http.Server.ConnContext.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(*Conn); ok {
		return context.WithValue(ctx, contextKey{}, c)
	}
	return ctx
}

// From returns the connection of a request's context, nil if it is none of a Listener's: then Hold
// and Release do nothing.
func From(ctx context.Context) *Conn {
	c, _ := ctx.Value(contextKey{}).(*Conn)
	return c
}

// Conn is a TCP connection that can hold back what is written.
type Conn struct {
	*net.TCPConn
	raw      syscall.RawConn // of TCPConn
	held     *buffer         // nil: nothing is held back
	length   int             // of what is in held
	patience patience
}

// Hold has the Conn keep what is written until ReadFrom, until Release, or until it is much.
func (c *Conn) Hold() {
	if c != nil && c.held == nil {
		c.held = buffers.Get().(*buffer)
	}
}

// Release sends what is still held, and ends Hold. An error is that of the write.
func (c *Conn) Release() error {
	if c == nil || c.held == nil {
		return nil
	}
	_, err := c.send(0)
	return err
}

// send ends Hold and writes what was held and the more bytes that lie after it. It returns how many of
// these were written.
func (c *Conn) send(more int) (n int, err error) {
	held, head := c.held, c.length
	c.held, c.length = nil, 0
	if head+more > 0 {
		n, err = c.push(held[:head+more])
	}
	buffers.Put(held)
	return max(n-head, 0), err
}

// Write is io.Writer's.
func (c *Conn) Write(p []byte) (int, error) {
	if c.held == nil {
		return c.push(p)
	}
	if c.length+len(p) <= headLimit {
		c.length += copy(c.held[c.length:], p)
		return len(p), nil
	}
	if err := c.Release(); err != nil {
		return 0, err
	}
	return c.push(p)
}

// ReadFrom is io.ReaderFrom's. It ends Hold. A Section of up to Limit bytes leaves in one write with
// what was held; a larger one by sendfile(2), whose first segment begins with what was held.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	s, ok := r.(*Section)
	switch {
	case !ok:
		if err := c.Release(); err != nil {
			return 0, err
		}
		return io.Copy(writer{c}, r)
	case s.Length > Limit:
		return c.sendFile(s)
	}
	c.Hold()
	n, readErr := io.ReadFull(s, c.held[c.length:][:s.Length])
	n, err := c.send(n)
	return int64(n), errors.Join(err, readErr)
}

// writer hides all but Write.
type writer struct{ io.Writer }
