package edgecache

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

// A leaver is a client that takes the head of an answer and goes away; before that a file is cut short.
type leaver struct {
	*httptest.ResponseRecorder
	cut func()
}

func (l leaver) WriteHeader(int) { l.cut() }

func (l leaver) Write([]byte) (int, error) { return 0, errors.New("gone") }

// Several ranges are read while the client that asked for them has gone, from a file that is short: run with
// the race detector.
func TestLostUnderALeaver(t *testing.T) {
	_, e, m, text, _ := lossy(t, 4000, system{})
	for range 20 {
		r := httptest.NewRequest(http.MethodGet, at("/2"), nil)
		r.Header.Set("Range", "bytes=500-900,1000-1999")
		e.Handler().ServeHTTP(leaver{httptest.NewRecorder(), func() {
			if err := os.Truncate(e.disk.path(2), 100); err != nil {
				t.Error(err)
			}
		}}, r)
		e.want(at("/2"), 503, "")
		e.receive(m[1])
		e.commit(m[1])
		e.want(at("/2"), 200, text[1])
	}
}
