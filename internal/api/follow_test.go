package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Receipts come over the request that made the change, as often as a client is asked to.
func TestFollow(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.Query().Get("wait"); got != "5s" {
			http.Error(w, "no wait: "+got, http.StatusBadRequest)
			return
		}
		io.WriteString(w, `{"first":3,"last":4,"objects":5}`+"\n")
		io.WriteString(w, `{"served":1}`+"\n"+`{"served":2,"final":true}`+"\n")
	}).Follow(5 * time.Second)
	if _, err := c.Followed(t.Context(), nil, nil); err == nil {
		t.Error("nothing was asked for, and followed")
	}
	for range 2 {
		result, err := c.Purge(t.Context(), PurgeRequest{All: true})
		if err != nil || result.Last != 4 || result.Objects != 5 {
			t.Fatalf("%+v, %v", result, err)
		}
		seen := 0
		receipt, err := c.Followed(t.Context(), func(r *Receipt) { seen += r.Served }, nil)
		if err != nil || receipt.Served != 2 || seen != 1 {
			t.Errorf("%+v, %v, %d before", receipt, err, seen)
		}
	}
}

// fallible is an origin that answers a purge and each wait after it with the next of its answers; "" is
// none.
type fallible struct {
	mu      sync.Mutex // a request may outlast who made it
	answers []string
	asked   []string // queries
}

func (f *fallible) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r.URL.Path+" "+r.URL.Query().Get("first")+" "+r.URL.Query().Get("last")+" "+r.URL.Query().Get("generation"))
	answer := f.answers[0]
	if len(f.answers) > 1 {
		f.answers = f.answers[1:]
	}
	switch {
	case answer == "":
		panic(http.ErrAbortHandler)
	case strings.HasPrefix(answer, `{"error"`):
		status, _ := strconv.Atoi(r.URL.Query().Get("last")) // as good a place as any
		w.WriteHeader(status)
	}
	io.WriteString(w, answer)
}

// A wait goes on over the end of the origin, and only over that.
func TestFollowedOverARestart(t *testing.T) {
	const receipt, final = `{"served":1}`, `{"served":2,"final":true}`
	published := func(last int) string { return fmt.Sprintf(`{"generation":"g","first":3,"last":%d}`, last) + receipt }
	tests := []struct {
		name    string
		answers []string
		seen    int
		want    string // of the error
	}{
		{"once", []string{published(4), final}, 1, ""},
		{"again and again", []string{published(4), "", "", receipt, receipt, "", final}, 3, ""},
		{"it is starting", []string{published(503), `{"error":"not yet"}`, final}, 1, ""},
		{"its log lacks the entries", []string{published(400), `{"error":"not in the log"}`, final}, 1, "not in the log"},
		{"for good", []string{published(4), ""}, 1, "was not back in time"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := &fallible{answers: test.answers}
			timeout := time.Minute
			if test.name == "for good" {
				timeout = 200 * time.Millisecond
			}
			c := serve(t, f.ServeHTTP).Follow(timeout)
			if _, err := c.Purge(t.Context(), PurgeRequest{All: true}); err != nil {
				t.Fatal(err)
			}
			seen, lost := 0, 0
			r, err := c.Followed(t.Context(), func(*Receipt) { seen++ }, func(error) { lost++ })
			if test.want == "" && (err != nil || r.Served != 2) || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%+v, %v", r, err)
			}
			if (test.name == "for good") != errors.Is(err, ErrGone) {
				t.Errorf("gone? %v", err)
			}
			if seen != test.seen || lost != 1 {
				t.Errorf("%d receipts seen, %d times lost", seen, lost)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, q := range f.asked[1:] {
				if !strings.HasPrefix(q, "/v1/wait 3 ") || !strings.HasSuffix(q, " g") {
					t.Errorf("it asked for %q", q)
				}
			}
		})
	}
}

// Whoever ends a wait ends it, whether the origin is there or not.
func TestFollowedCancelled(t *testing.T) {
	c := serve(t, (&fallible{answers: []string{`{"first":3,"last":4}`, ""}}).ServeHTTP).Follow(time.Minute)
	if _, err := c.Purge(t.Context(), PurgeRequest{All: true}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := c.Followed(ctx, nil, func(error) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
}

// An origin that hangs, or to which the path is cut, does not keep its client longer than that wanted to wait.
func TestFollowedHangs(t *testing.T) {
	ended := make(chan struct{})
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/purge" {
			io.WriteString(w, `{"first":3,"last":4}`+"\n"+`{"served":1}`+"\n")
			w.(http.Flusher).Flush()
		}
		<-ended
	})
	t.Cleanup(func() { close(ended) }) // before serve's
	c.grace = 0
	c = c.Follow(100 * time.Millisecond)
	if _, err := c.Purge(t.Context(), PurgeRequest{All: true}); err != nil {
		t.Fatal(err)
	}
	seen := 0
	_, err := c.Followed(t.Context(), func(*Receipt) { seen++ }, func(error) { t.Error("what is waited for still?") })
	if !errors.Is(err, ErrGone) || seen != 1 {
		t.Errorf("%d receipts, %v", seen, err)
	}
}
