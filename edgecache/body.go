package edgecache

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"fanfare/internal/cork"
)

// smallBody is how many bytes of an object go through memory at most; more go by sendfile. Below
// this an open(2) of one's own costs more than the copy that it saves.
const smallBody = cork.Limit

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
	conn *cork.Conn // nil: unknown
}

// ReadFrom is io.ReaderFrom's.
func (w *bodyWriter) ReadFrom(r io.Reader) (int64, error) {
	limited, ok := r.(*io.LimitedReader)
	to, direct := w.ResponseWriter.(io.ReaderFrom)
	if !ok || !direct || limited.R != w.body { // the pieces of several ranges come through a pipe
		return io.Copy(plainWriter{w.ResponseWriter}, r)
	}
	// The head goes first: else the server reads the first bytes of the body into it.
	if limited.N <= smallBody {
		w.conn.Hold()
		w.flush()
		return to.ReadFrom(limited)
	}
	file, err := w.body.reopen()
	if err != nil { // no /proc here
		return to.ReadFrom(limited)
	}
	defer file.Close()
	w.flush()
	// The file itself, at an offset of its own: on a TCP connection that is sendfile(2).
	return to.ReadFrom(&io.LimitedReader{R: file, N: limited.N})
}

func (w *bodyWriter) flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// plainWriter hides all but Write.
type plainWriter struct{ io.Writer }

// Unwrap is for http.ResponseController.
func (w *bodyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// reopen opens the body's file once more, with an offset of its own that stands at the position. By
// its name in the directory it might be gone by now.
func (b *objectBody) reopen() (*os.File, error) {
	fd, err := unix.Open("/proc/self/fd/"+strconv.Itoa(int(b.file.Fd())), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), b.file.Name()) // os.Open would try to poll it, in vain
	if _, err := file.Seek(b.offset+b.position, io.SeekStart); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
