// Package handover is a stream over a Unix socket beside which open files travel: who is on the
// same machine hands over a file instead of its bytes.
//
// A file goes out with the bytes of the next Write, so that whoever has read those bytes finds it
// with Next; files come in the order in which they were handed over. The kernel checks nothing
// again: the receiver may read what the sender could open, and no more.
package handover

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// filesPerWrite is how many files go with one write at most; the kernel takes 253.
	filesPerWrite = 128
	// controlRoom is for the control message of one read, in bytes: a header, and four for a file.
	controlRoom = 32 + 4*filesPerWrite
	// MaxPending is how many files may wait for Next. A stream that brings more is broken off, so
	// who reads it must not read many bytes ahead of the files.
	MaxPending = 1024
	// refsTries times a write is tried while too many files are on their way, refsWait apart.
	refsTries = 5000
	refsWait  = 2 * time.Millisecond
)

// ErrTooMany is returned by Read for a stream with more files than anybody took, or than
// Write sends at once.
var ErrTooMany = errors.New("handover: too many files wait")

// Conn is one end of a stream. Like every net.Conn it may be used by many goroutines.
type Conn struct {
	net.Conn
	unix *net.UnixConn

	mu       sync.Mutex
	closed   bool
	outgoing []int      // descriptors that go with the next Write
	incoming []int      // they wait for Next
	lost     bool       // files could not be taken in
	reading  sync.Mutex // guards oob
	oob      [controlRoom]byte
}

// New makes a Conn of a connected stream socket, which it owns from then on.
func New(c *net.UnixConn) *Conn { return &Conn{Conn: c, unix: c} }

// Send has the file with the descriptor fd sent with the next Write, and closed then. It owns fd,
// which must be of a regular file.
func (c *Conn) Send(fd int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		unix.Close(fd)
		return net.ErrClosed
	}
	c.outgoing = append(c.outgoing, fd)
	return nil
}

// Next returns the descriptor of the file that came next, which the caller closes; false if none
// has come.
func (c *Conn) Next() (fd int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.incoming) == 0 {
		return -1, false
	}
	fd = c.incoming[0]
	c.incoming = c.incoming[1:]
	return fd, true
}

// Lost reports whether files came that this process could not take in, since it has too many open.
// The stream broke off there.
func (c *Conn) Lost() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

// Drop closes the files that wait for Next.
func (c *Conn) Drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	closeAll(c.incoming)
	c.incoming = nil
}

// Close implements net.Conn. It closes all files, sent or not.
func (c *Conn) Close() error {
	c.Drop()
	c.mu.Lock()
	c.closed = true
	closeAll(c.outgoing)
	c.outgoing = nil
	c.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite ends the stream in this direction.
func (c *Conn) CloseWrite() error { return c.unix.CloseWrite() }

func closeAll(files []int) {
	for _, fd := range files {
		unix.Close(fd) // nothing was written
	}
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	done := 0
	for len(p) > done {
		files := c.takeOutgoing()
		if len(files) == 0 {
			n, err := c.unix.Write(p[done:])
			return done + n, err
		}
		part := p[done:]
		if len(files) == filesPerWrite && len(part) > 1 {
			part = part[:1] // the rest, or some more of it, takes the next files
		}
		n, err := c.writeWith(part, files)
		closeAll(files)
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

func (c *Conn) takeOutgoing() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.outgoing), filesPerWrite)
	files := c.outgoing[:n:n]
	if c.outgoing = c.outgoing[n:]; len(c.outgoing) == 0 {
		c.outgoing = nil
	}
	return files
}

// writeWith writes some of p, and files with it.
func (c *Conn) writeWith(p []byte, files []int) (int, error) {
	rights := unix.UnixRights(files...)
	n, _, err := c.unix.WriteMsgUnix(p, rights, nil)
	for tries := 0; errors.Is(err, unix.ETOOMANYREFS) && tries < refsTries; tries++ {
		time.Sleep(refsWait) // as many files as this user may have open are on their way
		n, _, err = c.unix.WriteMsgUnix(p, rights, nil)
	}
	if err != nil {
		return max(n, 0), fmt.Errorf("handover: %w", err)
	}
	return n, nil
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(p) == 0 {
		return c.unix.Read(p)
	}
	n, oobn, flags, _, err := c.unix.ReadMsgUnix(p, c.oob[:])
	n = max(n, 0) // it is -1 with some errors
	if oobn > 0 {
		if e := c.take(c.oob[:oobn]); e != nil {
			return n, e
		}
	}
	if flags&unix.MSG_CTRUNC != 0 {
		c.mu.Lock()
		c.lost = true
		c.mu.Unlock()
		return n, ErrTooMany
	}
	if errors.Is(err, io.EOF) {
		err = io.EOF // readers compare it
	}
	return n, err
}

// take takes the files of control messages in.
func (c *Conn) take(oob []byte) error {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return fmt.Errorf("handover: %w", err)
	}
	var files []int
	for i := range messages {
		numbers, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue // something else, which nobody asked for
		}
		files = append(files, numbers...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.incoming)+len(files) > MaxPending {
		closeAll(files)
		return ErrTooMany
	}
	c.incoming = append(c.incoming, files...)
	return nil
}
