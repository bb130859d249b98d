package api

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"fanfare/internal/handover"
)

const (
	// uploadPiece is how many bytes of a publication go in one write: each is a system call.
	uploadPiece = 128 << 10
	// uploadFiles is how many files may wait for the bytes that they go with. They are open.
	uploadFiles = 16
	// sizeLine is the line before a chunk, whose digits are filled in at last.
	sizeLine = "00000000\r\n"
)

// upload is the body of a publication on its way: chunks (RFC 9112 §7.1) of what is written to it.
// What is small goes out in one piece with the head of its request. Package tree knows that one
// over a Unix socket takes open files.
type upload struct {
	exchange *exchange
	buffer   []byte
	chunk    int // where in buffer the line with its size begins
	files    int // how many go with the next write
	// early gets what the origin answers before it has everything; nil before the first write.
	early chan early
	err   error // of a write
}

// early is what an answer came to that was waited for during an upload.
type early struct {
	answer *answer
	err    error
}

// fileUpload is an upload that takes open files.
type fileUpload struct {
	*upload
	conn *handover.Conn
}

// SendFile hands over the file with the descriptor fd to the origin, which reads it for itself, from
// its beginning; the upload owns fd. The file's row must be written next (see package handover),
// and then Flush or Push be called.
func (u fileUpload) SendFile(fd int) error {
	u.files++
	return u.conn.Send(fd)
}

// newUpload begins the body of the request whose head is given.
func newUpload(e *exchange, head []byte) *upload {
	u := &upload{exchange: e, buffer: head}
	u.beginChunk()
	return u
}

func (u *upload) beginChunk() {
	u.chunk = len(u.buffer)
	u.buffer = append(u.buffer, sizeLine...)
}

// Write implements io.Writer.
func (u *upload) Write(p []byte) (n int, err error) {
	for len(p) > 0 && u.err == nil {
		part := p[:min(len(p), max(uploadPiece-len(u.buffer), 1))]
		u.buffer = append(u.buffer, part...)
		n, p = n+len(part), p[len(part):]
		if len(u.buffer) >= uploadPiece {
			u.send(false)
		}
	}
	return n, u.err
}

// Flush sends what was written, once enough files wait for it.
func (u *upload) Flush() error {
	if u.files >= uploadFiles {
		u.send(false)
	}
	return u.err
}

// Push sends what was written, and the files that go with it.
func (u *upload) Push() error {
	u.send(false)
	return u.err
}

// send sends what was written; if last, that it was all.
func (u *upload) send(last bool) {
	if u.err != nil {
		return
	}
	if size := len(u.buffer) - u.chunk - len(sizeLine); size > 0 {
		copy(u.buffer[u.chunk:], fmt.Sprintf("%08x", size))
		u.buffer = append(u.buffer, "\r\n"...)
	} else {
		u.buffer = u.buffer[:u.chunk]
	}
	if last {
		u.buffer = append(u.buffer, "0\r\n\r\n"...)
	} else if u.early == nil {
		u.watch()
	}
	_, u.err = u.exchange.conn.Write(u.buffer)
	u.buffer, u.files = u.buffer[:0], 0
	u.beginChunk()
}

// watch has the answer read from now on. If it comes before all is sent, writes fail.
func (u *upload) watch() {
	u.early = make(chan early, 1)
	go func() {
		a, err := u.exchange.readAnswer()
		_ = u.exchange.conn.SetWriteDeadline(time.Unix(1, 0)) // in the past
		u.early <- early{a, err}
	}()
}

// finish has write write the whole body, and returns the answer. local is the error of write if
// that is none of sending, and then nothing is published.
func (u *upload) finish(write func(io.Writer) error) (a *answer, local, err error) {
	var stream io.Writer = u
	if conn, ok := u.exchange.conn.(*handover.Conn); ok {
		stream = fileUpload{u, conn}
	}
	if local := write(stream); local != nil && u.err == nil {
		return nil, local, nil
	}
	u.send(true)
	// An origin that has refused what it had of the stream says why.
	if u.early != nil {
		e := <-u.early
		a, err = e.answer, e.err
	} else {
		a, err = u.exchange.readAnswer()
	}
	if err != nil && u.err != nil && !errors.Is(u.err, os.ErrDeadlineExceeded) { // which watch set
		err = u.err
	}
	return a, nil, err
}
