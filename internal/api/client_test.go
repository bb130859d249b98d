package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serve runs a handler on TCP and returns a client of it.
func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return NewTCP(s.Listener.Addr().String())
}

func TestErrors(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"ours", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":"bad","hint":"do better"}`)
		}, "bad: do better"},
		{"without a hint", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":"bad"}`)
		}, "bad"},
		{"somebody else's", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "go away", http.StatusForbidden) }, "403 Forbidden go away"},
		{"no JSON", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, "api: answer of"},
		{"hung up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "went away before it answered (unexpected EOF)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := serve(t, test.handler).Status(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	dir := t.TempDir()
	_, err := NewUnix(dir).Status(t.Context())
	if want := "no origin answers at " + filepath.Join(dir, SocketName) + ": start it with `fanfare origin --dir " + dir + "`, or say with --dir where it is"; !errors.Is(err, ErrNoOrigin) || err.Error() != want {
		t.Errorf("Unix: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := NewTCP(l.Addr().String()).Status(t.Context()); !errors.Is(err, ErrNoOrigin) {
		t.Errorf("TCP: %v", err)
	}
	// A file that is no socket.
	if err := os.WriteFile(filepath.Join(dir, SocketName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewUnix(dir).Status(t.Context()); !errors.Is(err, ErrNoOrigin) {
		t.Errorf("file: %v", err)
	}
}

func TestWaitEndsEarly(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"served":1}`+"\n") })
	seen := 0
	_, err := c.Wait(t.Context(), Sequences{First: 1, Last: 1}, time.Second, func(r *Receipt) { seen += r.Served })
	if err == nil || !strings.Contains(err.Error(), "stopped answering") || seen != 1 {
		t.Errorf("error %v, %d", err, seen)
	}
}

// odd is an error that cannot be compared, as archive/tar has.
type odd []string

func (o odd) Error() string { return strings.Join(o, " ") }

func TestPublish(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("host") {
		case "whole":
			body, err := io.ReadAll(r.Body)
			if err != nil || string(body) != "stream" || r.URL.Query().Get("header") != "a:b" {
				http.Error(w, "wrong", http.StatusInternalServerError)
			}
			io.WriteString(w, `{"first":3,"last":4,"objects":5}`)
		case "refuse":
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":"no"}`)
		case "broken":
			if _, err := io.ReadAll(r.Body); err == nil {
				t.Error("a stream that failed ended well")
			}
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	whole := func(w io.Writer) error { _, err := io.WriteString(w, "stream"); return err }
	result, err := c.Publish(t.Context(), PublishOptions{Host: "whole", Headers: []Header{{"a", "b"}}}, whole)
	if err != nil || result.First != 3 || result.Last != 4 || result.Objects != 5 {
		t.Errorf("%+v, %v", result, err)
	}
	endless := func(w io.Writer) error {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return err
			}
		}
	}
	var refused *Error
	if _, err := c.Publish(t.Context(), PublishOptions{Host: "refuse"}, endless); !errors.As(err, &refused) || refused.Message != "no" {
		t.Errorf("refused: %v", err)
	}
	for _, failure := range []error{errors.New("gone"), odd{"two", "words"}} {
		_, err := c.Publish(t.Context(), PublishOptions{Host: "broken"}, func(io.Writer) error { return failure })
		if err == nil || err.Error() != failure.Error() {
			t.Errorf("failed: %v, want %v", err, failure)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Publish(ctx, PublishOptions{Host: "whole"}, whole); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
