package origin

import (
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// bodyPatience is how long a publication may be silent.
	bodyPatience = time.Minute
	// drainTime is how long a client has to notice that its publication was refused.
	drainTime = 2 * time.Second
)

// body is the stream of a publication. It gives up on a client that is silent, and can
// answer one that still sends.
type body struct {
	r          io.Reader
	controller *http.ResponseController
	extended   time.Time // when the deadline was set
}

func newBody(w http.ResponseWriter, r *http.Request) *body {
	b := &body{r: r.Body, controller: http.NewResponseController(w)}
	// So that an answer can go out before the whole request has come in; without it the
	// client would learn the reason later, if at all.
	_ = b.controller.EnableFullDuplex()
	_ = b.controller.SetWriteDeadline(time.Time{}) // it takes its time to come; the answer has its own
	return b
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if now := time.Now(); now.Sub(b.extended) > time.Second {
		b.extended = now
		if err := b.controller.SetReadDeadline(now.Add(bodyPatience)); err != nil {
			return 0, err
		}
	}
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.controller.SetReadDeadline(time.Time{}) // the next request on the connection has its own
	}
	return n, err
}

// drain reads and drops the rest of a stream that was refused, for a while: a connection
// that is closed on bytes unread is reset, and takes the answer with it.
func (b *body) drain() {
	_ = b.controller.Flush()
	_ = b.controller.SetReadDeadline(time.Now().Add(drainTime))
	_, _ = io.Copy(io.Discard, b.r)
}
