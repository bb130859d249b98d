package edgecache

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"fanfare/control"
	"fanfare/internal/cork"
)

// isPlain reports whether a request, GET or HEAD, is for an object as it is: without conditions
// (RFC 9110 §13.1) or ranges. If-Range means nothing without Range.
func isPlain(r *http.Request) bool {
	for _, name := range [...]string{"Range", "If-None-Match", "If-Modified-Since", "If-Match", "If-Unmodified-Since"} {
		if _, there := r.Header[name]; there {
			return false
		}
	}
	return true
}

var acceptRanges = []string{"bytes"}

// formatModified returns the value of a Last-Modified field, nil for the times that http.ServeContent
// takes for none.
func formatModified(t time.Time) []string {
	if t.IsZero() || t.Equal(time.Unix(0, 0)) {
		return nil
	}
	return []string{t.UTC().Format(http.TimeFormat)}
}

// lastModified is formatModified of the entry's time, made once.
func (b *bundle) lastModified() []string {
	if made := b.modified.Load(); made != nil {
		return *made
	}
	made := formatModified(time.UnixMilli(b.time))
	b.modified.Store(&made)
	return made
}

// serveWhole answers a plain request as servePart would, in less time. date is formatModified of
// the time of last modification. The header has everything but what follows from the arguments.
func serveWhole(w http.ResponseWriter, r *http.Request, o *control.Object, date []string, b *objectBody) {
	// Both values are pieces of one string, both slices of one array: two allocations.
	var buffer [80]byte
	text := string(strconv.AppendUint(appendEntityTag(buffer[:0], o.Digest), o.Length, 10))
	values := &[...]string{text[:entityTagLength], text[entityTagLength:]}
	header := w.Header()
	header["Etag"], header["Content-Length"], header["Accept-Ranges"] = values[0:1:1], values[1:2:2], acceptRanges
	if date != nil {
		header["Last-Modified"] = date
	}
	if b.length > 0 && r.Method == http.MethodGet {
		b.send(w, b.length)
	}
}

// servePart answers any request, as http.ServeContent has it. The header has everything but what
// follows from the arguments.
func servePart(w http.ResponseWriter, r *http.Request, o *control.Object, modified time.Time, b *objectBody) {
	header := w.Header()
	header["Etag"] = []string{entityTag(o.Digest)}
	if ignoreRange(r) {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	_, encoded := header["Content-Encoding"]
	http.ServeContent(&bodyWriter{w, b, encoded}, r, "", modified, b)
}

// ignoreRange reports whether a Range field means nothing: with another method than GET, or in
// another unit than bytes (RFC 9110 §14.2).
func ignoreRange(r *http.Request) bool {
	ranges := r.Header.Get("Range")
	return ranges != "" && (r.Method != http.MethodGet || !strings.HasPrefix(ranges, "bytes="))
}

// An objectBody is the bytes of one object in a bundle file, as http.ServeContent wants them. It reads
// at its own position and never moves the offset of the file, which others use too.
type objectBody struct {
	file           *os.File // nil if the object is empty
	offset, length int64
	position       int64
	// stopped is one more than where in the object reading or sending ended before it should have; 0: it
	// did not. Several ranges are read in a goroutine of package net/http, which may outlast the answer.
	stopped atomic.Int64
	conn    *cork.Conn // that of the request; nil: unknown
}

// Read is io.Reader's.
func (b *objectBody) Read(p []byte) (int, error) {
	n, err := b.section(b.length - b.position).Read(p)
	b.position += int64(n)
	if err != nil && err != io.EOF {
		b.stop(b.position)
	}
	return n, err
}

var errSeek = errors.New("edgecache: seek before the start of an object")

// Seek is io.Seeker's.
func (b *objectBody) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.position
	case io.SeekEnd:
		offset += b.length
	}
	if offset < 0 {
		return 0, errSeek
	}
	b.position = offset
	return offset, nil
}

// section is the n bytes from the position.
func (b *objectBody) section(n int64) *cork.Section {
	return &cork.Section{File: b.file, Offset: b.offset + b.position, Length: n}
}

// stop takes note of where reading or sending ended.
func (b *objectBody) stop(at int64) { b.stopped.Store(at + 1) }

// send writes the head of an answer and then n bytes from the position, such that they reach the
// connection as a piece of a file.
func (b *objectBody) send(w http.ResponseWriter, n int64) (sent int64, err error) {
	defer func() {
		if sent < n {
			b.stop(b.position + sent)
		}
	}()
	to, ok := w.(io.ReaderFrom)
	if !ok {
		return io.Copy(w, b.section(n))
	}
	b.conn.Hold()
	if f, ok := w.(http.Flusher); ok {
		f.Flush() // the head goes first: else the server reads the first bytes of the body into it
	}
	return to.ReadFrom(b.section(n))
}

// A bodyWriter is the ResponseWriter of an answer with a body. http.ServeContent copies to it
// from the body, wrapped in an io.LimitedReader; so it can do that the short way.
type bodyWriter struct {
	http.ResponseWriter
	body    *objectBody
	encoded bool // http.ServeContent leaves out the length of an encoded body
}

// WriteHeader is http.ResponseWriter's.
func (w *bodyWriter) WriteHeader(code int) {
	if w.encoded && code == http.StatusOK {
		w.Header().Set("Content-Length", strconv.FormatInt(w.body.length, 10))
	}
	w.ResponseWriter.WriteHeader(code)
}

// ReadFrom is io.ReaderFrom's.
func (w *bodyWriter) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok && limited.R == w.body {
		return w.body.send(w.ResponseWriter, limited.N)
	}
	return io.Copy(plainWriter{w.ResponseWriter}, r) // the pieces of several ranges come through a pipe
}

// plainWriter hides all but Write.
type plainWriter struct{ io.Writer }

// Unwrap is for http.ResponseController.
func (w *bodyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
