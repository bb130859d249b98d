package edge

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := &gate{handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release })}
		request := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			g.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			return w
		}
		go request()
		synctest.Wait()
		var ended atomic.Int32
		for range 2 { // stop is called twice
			go func() { g.wait(); ended.Add(1) }()
			synctest.Wait()
		}
		if ended.Load() != 0 {
			t.Error("wait did not wait for the request")
		}
		if w := request(); w.Code != http.StatusServiceUnavailable {
			t.Errorf("status %d behind a closed gate", w.Code)
		}
		close(release)
		synctest.Wait()
		if ended.Load() != 2 {
			t.Errorf("%d of 2 waits ended", ended.Load())
		}
	})
}
