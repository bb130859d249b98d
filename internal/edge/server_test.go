package edge

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A request whose body never comes is answered, and its connection let go.
func TestBodyThatNeverComes(t *testing.T) {
	s, err := listen("127.0.0.1:0", "--http", http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if s.http.ReadTimeout != requestPatience || s.http.IdleTimeout != idlePatience {
		t.Errorf("a server without limits: %v, %v", s.http.ReadTimeout, s.http.IdleTimeout)
	}
	s.http.ReadTimeout = 20 * time.Millisecond
	ended := make(chan error, 1)
	go func() { ended <- s.serve() }()
	t.Cleanup(func() {
		s.stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	client, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_ = client.SetReadDeadline(time.Now().Add(time.Minute)) // it is let go long before
	if _, err := io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nbo"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(client)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 404 ") {
		t.Errorf("%q, %v", answer, err)
	}
}
