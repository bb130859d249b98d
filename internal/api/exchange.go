package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
)

const (
	// headLine is how long a line of an answer's head may be, headLines how many there may be.
	headLine  = 16 << 10
	headLines = 100
	// interims is how many answers may say that more is to come.
	interims = 100
)

// errAnswer is wrapped by the errors for what is no answer of HTTP/1.1.
var errAnswer = errors.New("that is no answer of HTTP")

// request is what is asked of the origin.
type request struct {
	method, path string
	query        url.Values
	contentType  string // of the body; empty for none
}

// exchange is a request and its answer: HTTP/1.1 (RFC 9112) on a connection of its own, over which
// nothing else goes. That is all that a command wants of HTTP, and net/http, with all that it needs
// in turn, takes every process 0.6 ms to initialize.
//
// One goroutine owns it. Close ends it.
type exchange struct {
	conn net.Conn
	stop func() bool // ends the watch on the context
	r    *bufio.Reader
}

// answer is the answer to a request. Its body may be read until the exchange is closed.
type answer struct {
	status     int
	text       string // such as 404 Not Found
	retryAfter string
	body       io.Reader
}

// newExchange begins an exchange over conn, which it owns from now on. When ctx is done, what is
// under way fails.
func newExchange(ctx context.Context, conn net.Conn) *exchange {
	e := &exchange{conn: conn, r: bufio.NewReaderSize(conn, headLine)}
	e.stop = context.AfterFunc(ctx, func() { conn.Close() })
	return e
}

// Close ends the exchange, wherever it is.
func (e *exchange) Close() {
	e.stop()
	e.conn.Close() // nothing that matters is on its way any more
}

// appendHead appends the head of a request. length is that of its body in bytes, -1 if it comes
// in chunks, 0 for none.
func (q *request) appendHead(b []byte, host string, length int) []byte {
	b = append(b, q.method+" "+q.path...)
	if len(q.query) > 0 {
		b = append(b, "?"+q.query.Encode()...)
	}
	b = append(b, " HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n"...)
	if q.contentType != "" {
		b = append(b, "Content-Type: "+q.contentType+"\r\n"...)
	}
	switch {
	case length < 0:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	case length > 0:
		b = append(b, "Content-Length: "+strconv.Itoa(length)+"\r\n"...)
	}
	return append(b, "\r\n"...)
}

// readAnswer reads the head of the answer.
func (e *exchange) readAnswer() (*answer, error) {
	for range interims {
		a, err := readHead(e.r)
		if err != nil || a.status >= 200 {
			return a, err
		} // else more is to come (RFC 9110 §15.2)
	}
	return nil, fmt.Errorf("%w: more than %d that say that it is to come", errAnswer, interims-1)
}

// readHead reads the status line and the fields of an answer, and makes its body readable.
func readHead(r *bufio.Reader) (*answer, error) {
	line, err := readLine(r)
	if err != nil {
		return nil, err
	}
	version, text, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(text, " ")
	a := &answer{text: text}
	if a.status, err = strconv.Atoi(code); err != nil || len(code) != 3 || a.status < 100 || !strings.HasPrefix(version, "HTTP/1.") {
		return nil, fmt.Errorf("%w: %.40q", errAnswer, line)
	}
	length, chunked := int64(-1), false
	for range headLines {
		if line, err = readLine(r); err != nil {
			return nil, err
		}
		if line == "" {
			return a.withBody(r, length, chunked), nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%w: %.40q", errAnswer, line)
		}
		value = strings.Trim(value, " \t")
		switch strings.ToLower(name) {
		case "content-length":
			if length, err = strconv.ParseInt(value, 10, 64); err != nil || length < 0 {
				return nil, fmt.Errorf("%w: a length of %.40q", errAnswer, value)
			}
		case "transfer-encoding":
			if chunked = strings.EqualFold(value, "chunked"); !chunked {
				return nil, fmt.Errorf("%w: a transfer encoding of %.40q", errAnswer, value)
			}
		case "retry-after":
			a.retryAfter = value
		}
	}
	return nil, fmt.Errorf("%w: more than %d fields", errAnswer, headLines)
}

// withBody sets the body, whose length is -1 if the head does not say it (RFC 9112 §6.3).
func (a *answer) withBody(r *bufio.Reader, length int64, chunked bool) *answer {
	switch {
	case a.status < 200 || a.status == 204 || a.status == 304:
		a.body = bytes.NewReader(nil)
	case chunked:
		a.body = &chunkReader{r: r}
	case length >= 0:
		a.body = &wholeReader{r: r, left: length}
	default:
		a.body = r // until the connection ends
	}
	return a
}

// readLine reads a line, without its end.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", fmt.Errorf("%w: a line of more than %d bytes", errAnswer, r.Size())
	case errors.Is(err, io.EOF):
		return "", io.ErrUnexpectedEOF
	case err != nil:
		return "", err
	}
	return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
}

// wholeReader reads a body whose length is known.
type wholeReader struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (w *wholeReader) Read(p []byte) (int, error) {
	if w.left == 0 {
		return 0, io.EOF
	}
	n, err := w.r.Read(p[:min(int64(len(p)), w.left)])
	w.left -= int64(n)
	if errors.Is(err, io.EOF) && w.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// chunkReader reads a body that comes in chunks (RFC 9112 §7.1).
type chunkReader struct {
	r     *bufio.Reader
	left  int64 // of the chunk
	begun bool  // there was a chunk, whose end of line is to come once left is 0
	err   error
}

// Read implements io.Reader.
func (c *chunkReader) Read(p []byte) (n int, err error) {
	if c.err == nil && c.left == 0 {
		c.err = c.next()
	}
	if c.err != nil || len(p) == 0 {
		return 0, c.err
	}
	n, err = c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	c.err = err
	return n, err
}

// next reads up to the bytes of the next chunk. It returns io.EOF behind the last.
func (c *chunkReader) next() error {
	if c.begun {
		if line, err := readLine(c.r); err != nil {
			return err
		} else if line != "" {
			return fmt.Errorf("%w: a chunk that is longer than it says", errAnswer)
		}
	}
	c.begun = true
	line, err := readLine(c.r)
	if err != nil {
		return err
	}
	size, _, _ := strings.Cut(line, ";")
	if c.left, err = strconv.ParseInt(strings.Trim(size, " \t"), 16, 64); err != nil || c.left < 0 {
		return fmt.Errorf("%w: a chunk of %.40q bytes", errAnswer, size)
	}
	if c.left > 0 {
		return nil
	}
	for range headLines {
		if line, err = readLine(c.r); err != nil {
			return err
		}
		if line == "" {
			return io.EOF
		}
	}
	return fmt.Errorf("%w: more than %d trailing fields", errAnswer, headLines)
}
