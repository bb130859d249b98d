package edgecache

import (
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// A bundle that a request finds lost once more is not wanted for an instant before its pause begins,
// whenever the loop asks.
func TestLostAgainIsNotWantedAtOnce(t *testing.T) {
	_, e, m, text, _ := lossy(t, 4000, system{})
	now := time.Unix(1_800_000_000, 0)
	e.clock(now)
	handler := e.Handler()
	for loss := range 50 {
		if err := os.Remove(e.disk.path(2)); err != nil {
			t.Fatal(err)
		}
		noticed := make(chan struct{})
		go func() {
			defer close(noticed)
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", at("/2"), nil))
		}()
		for waiting := true; waiting; {
			select {
			case <-noticed:
				waiting = false
			default:
			}
			if w := e.Wanted(9); len(w) != 0 && loss > 0 {
				t.Fatalf("loss %d: wanted %v", loss, w)
			}
		}
		if !e.Lost() {
			t.Fatalf("loss %d was not noticed", loss)
		}
		now = now.Add(maxLostPause)
		e.clock(now)
		e.receive(m[1])
		e.commit(m[1])
		e.want(at("/2"), 200, text[1])
	}
}

// The pause grows to its maximum and stays there, however long the one to begin with is.
func TestLostPause(t *testing.T) {
	for _, first := range []time.Duration{1, DefaultRetryAfter, time.Hour, maxLostPause, 1 << 62} {
		before := time.Duration(0)
		for times := range 100 {
			pause := lostPause(first, times)
			if pause < before || pause <= 0 || times == 0 && pause != min(first, maxLostPause) {
				t.Fatalf("%v, %d times: %v after %v", first, times, pause, before)
			}
			before = pause
		}
		if before != maxLostPause {
			t.Errorf("%v ends at %v", first, before)
		}
	}
}
