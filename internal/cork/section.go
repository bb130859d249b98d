package cork

import (
	"errors"
	"io"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// A Section is a piece of a file on its way to a client. It never moves the file's offset, so
// others may use the file meanwhile.
type Section struct {
	File           *os.File
	Offset, Length int64 // what is still to go; bytes
}

// Read is io.Reader's. It returns io.ErrUnexpectedEOF if the file ends before the Section.
func (s *Section) Read(p []byte) (int, error) {
	if s.Length <= 0 {
		return 0, io.EOF
	}
	n, err := s.File.ReadAt(p[:min(int64(len(p)), s.Length)], s.Offset)
	s.advance(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (s *Section) advance(n int) {
	s.Offset += int64(n)
	s.Length -= int64(n)
}

// sendFile ends Hold and sends what was held, then s, which it does not read into memory unless the
// file's system knows no other way. It returns how many bytes of s went.
func (c *Conn) sendFile(s *Section) (int64, error) {
	if err := c.sendMore(); err != nil {
		return 0, err
	}
	length := s.Length
	var failed error
	in := int(s.File.Fd())
	err := c.pushRaw(func(fd uintptr) (done bool) {
		for s.Length > 0 {
			offset := s.Offset
			n, err := unix.Sendfile(int(fd), in, &offset, int(min(s.Length, math.MaxInt32)))
			switch {
			case n > 0:
				s.advance(n)
			case err == unix.EAGAIN:
				return false // come again when there is room
			case err == nil:
				failed = io.ErrUnexpectedEOF
				return true
			case err != unix.EINTR:
				failed = os.NewSyscallError("sendfile", err)
				return true
			}
		}
		return true
	})
	if s.Length == length && (errors.Is(failed, unix.EINVAL) || errors.Is(failed, unix.ENOSYS)) {
		return io.Copy(writer{c}, s)
	}
	return length - s.Length, errors.Join(err, failed)
}

// sendMore ends Hold, and sends what was held without a push: more follows at once, and the kernel
// puts both into the same segments.
func (c *Conn) sendMore() error {
	if c.held == nil {
		return nil
	}
	held, rest := c.held, c.held[:c.length]
	c.held, c.length = nil, 0
	defer buffers.Put(held)
	var failed error
	err := c.pushRaw(func(fd uintptr) (done bool) {
		for len(rest) > 0 {
			n, err := unix.SendmsgN(int(fd), rest, nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL)
			switch {
			case err == nil:
				rest = rest[n:]
			case err == unix.EAGAIN:
				return false
			case err != unix.EINTR:
				failed = os.NewSyscallError("sendmsg", err)
				return true
			}
		}
		return true
	})
	return errors.Join(err, failed)
}
