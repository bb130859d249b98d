package origin

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fanfare/internal/api"
)

// Requests and answers have a limit in time, even where nobody asked for one, and none that may take
// long is cut by it.
func TestPatience(t *testing.T) {
	dir := initOrigin(t)
	o, err := Open(Config{Dir: dir, Log: slog.New(slog.NewTextHandler(testWriter{t}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range o.servers {
		if s.http.ReadTimeout != requestPatience || s.http.WriteTimeout != answerPatience || s.http.IdleTimeout != idlePatience {
			t.Errorf("%s without limits", s.listener.Addr())
		}
		s.http.ReadTimeout, s.http.WriteTimeout = 1, 1 // as if they were over
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	client := api.NewUnix(dir)
	if _, err := client.Publish(t.Context(), api.PublishOptions{}, tarOf(files{"a": strings.Repeat("x", 1<<20)})); err != nil {
		t.Error(err)
	}
	following := client.Follow(time.Minute)
	if _, err := following.Publish(t.Context(), api.PublishOptions{}, tarOf(files{"b": "y"})); err != nil {
		t.Error(err)
	} else if _, err := following.Followed(t.Context(), nil, nil); err != nil {
		t.Error(err)
	}
	if _, err := client.List(t.Context(), "", "", 0); err != nil {
		t.Error(err)
	}
	if _, err := client.Status(t.Context()); err != nil {
		t.Error(err)
	}

	conn, err := net.Dial("unix", filepath.Join(dir, api.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second)) // long before, it is let go
	fmt.Fprint(conn, "GET /v1/ls HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nbo")
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
		t.Errorf("a body that never comes: %q, %v", answer, err)
	}
}
