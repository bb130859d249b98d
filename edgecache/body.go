package edgecache

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
)

// smallBody is how many bytes of an object go through memory at most; more go by sendfile. Both
// are system calls and a copy: below this an open(2) of one's own costs more than the copy saves.
const smallBody = 64 << 10

// smallBodies has buffers of smallBody bytes.
var smallBodies = sync.Pool{New: func() any { return new([smallBody]byte) }}

// An objectBody is the bytes of one object in a bundle file, as http.ServeContent wants them. It reads
// at its own position and never moves the offset of the file, which others use too.
type objectBody struct {
	file           *openFile // nil if the object is empty
	offset, length int64
	position       int64
}

// Read is io.Reader's.
func (b *objectBody) Read(p []byte) (int, error) {
	rest := b.length - b.position
	if rest <= 0 {
		return 0, io.EOF
	}
	n, err := b.file.ReadAt(p[:min(int64(len(p)), rest)], b.offset+b.position)
	b.position += int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // the file is shorter than its objects
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

// A bodyWriter is the ResponseWriter of an answer with a body. http.ServeContent copies to it
// from the body, wrapped in an io.LimitedReader; so it can do that the short way.
type bodyWriter struct {
	http.ResponseWriter
	body *objectBody
}

// ReadFrom is io.ReaderFrom's.
func (w *bodyWriter) ReadFrom(r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	switch {
	case !ok || limited.R != w.body: // the pieces of several ranges come through a pipe
		return io.Copy(plainWriter{w.ResponseWriter}, r)
	case limited.N <= smallBody:
		return w.copySmall(limited)
	}
	return w.sendFile(limited)
}

// plainWriter hides all but Write.
type plainWriter struct{ io.Writer }

// copySmall reads all at once and writes it.
func (w *bodyWriter) copySmall(r *io.LimitedReader) (int64, error) {
	buffer := smallBodies.Get().(*[smallBody]byte)
	defer smallBodies.Put(buffer)
	n, err := io.ReadFull(r, buffer[:r.N])
	if n == 0 && err != nil {
		return 0, err
	}
	written, writeErr := w.Write(buffer[:n])
	return int64(written), errors.Join(writeErr, err)
}

// sendFile hands the server the file itself, at an offset of its own, in an io.LimitedReader: on a
// TCP connection without TLS that is sendfile(2).
func (w *bodyWriter) sendFile(r *io.LimitedReader) (int64, error) {
	to, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(plainWriter{w.ResponseWriter}, r)
	}
	file, err := w.body.reopen()
	if err != nil { // no /proc here
		return to.ReadFrom(r)
	}
	defer file.Close()
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush() // else the server reads the first bytes into the answer's head, with read(2)
	}
	n, err := to.ReadFrom(&io.LimitedReader{R: file, N: r.N})
	w.body.position += n
	r.N -= n
	return n, err
}

// reopen opens the body's file once more, with an offset of its own that stands at the position. By
// its name in the directory it might be gone by now.
func (b *objectBody) reopen() (*os.File, error) {
	file, err := os.Open("/proc/self/fd/" + strconv.Itoa(int(b.file.Fd())))
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(b.offset+b.position, io.SeekStart); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// Unwrap is for http.ResponseController.
func (w *bodyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
