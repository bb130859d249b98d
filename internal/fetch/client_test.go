package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fanfare/internal/api"
)

// origin returns a client of a server that answers every request with handle.
func origin(t *testing.T, handle http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	c := New(strings.TrimPrefix(s.URL, "http://"))
	t.Cleanup(c.Close)
	return c
}

// requests are all that a client can ask for.
var requests = map[string]func(ctx context.Context, c *Client) error{
	"entries": func(ctx context.Context, c *Client) error {
		_, err := c.Entries(ctx, 1, "1-2", func([]byte) error { return nil })
		return err
	},
	"bundle": func(ctx context.Context, c *Client) error {
		body, _, err := c.Bundle(ctx, 7, "1-2", 10, 5)
		if err == nil {
			body.Close()
		}
		return err
	},
	"proof": func(ctx context.Context, c *Client) error {
		_, err := c.Prove(ctx, []byte("signed"), "1-2")
		return err
	},
}

// What the origin refuses is told with its status, its words, and how long to wait.
func TestRefused(t *testing.T) {
	c := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("generation") != "1-2" {
			t.Errorf("asked for %s", r.URL)
		}
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{"error":"busy"}`)
	})
	for name, request := range requests {
		var refused *api.Error
		if err := request(t.Context(), c); !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable ||
			refused.Message != "busy" || refused.RetryAfter != 3*time.Second {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is no answer of an origin's is an error, whatever its status.
func TestNotAnOrigin(t *testing.T) {
	c := origin(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>") })
	for name, request := range requests {
		if err := request(t.Context(), c); err == nil || !strings.Contains(err.Error(), c.address) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoOrigin(t *testing.T) {
	s := httptest.NewServer(nil)
	c := New(s.Listener.Addr().String())
	s.Close()
	defer c.Close()
	ended, end := context.WithCancel(t.Context())
	end()
	for name, request := range requests {
		if err := request(t.Context(), c); !errors.Is(err, api.ErrNoOrigin) {
			t.Errorf("%s: %v", name, err)
		}
		if err := request(ended, c); !errors.Is(err, context.Canceled) {
			t.Errorf("%s, no longer wanted: %v", name, err)
		}
	}
}

// A range is taken from where it was asked for only, and no more of it.
func TestBundle(t *testing.T) {
	for _, test := range []struct {
		name, answered, body string
		ok                   bool
	}{
		{"all of it", "bytes 10-14/100", "abcde", true},
		{"the first of it", "bytes 10-11/100", "ab", true},
		{"too much", "bytes 10-15/100", "abcdef", false},
		{"from elsewhere", "bytes 100-104/200", "abcde", false},
		{"nothing", "bytes 10-14/100", "", false},
	} {
		c := origin(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/bundles/7" || r.Header.Get("Range") != "bytes=10-14" {
				t.Errorf("asked for %s, %s", r.URL, r.Header.Get("Range"))
			}
			w.Header().Set("Content-Range", test.answered)
			w.WriteHeader(http.StatusPartialContent)
			io.WriteString(w, test.body)
		})
		body, n, err := c.Bundle(t.Context(), 7, "1-2", 10, 5)
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
		if err != nil {
			continue
		}
		if got, err := io.ReadAll(body); err != nil || string(got) != test.body || n != int64(len(got)) {
			t.Errorf("%s: %q of %d bytes, %v", test.name, got, n, err)
		}
		body.Close()
	}
}
