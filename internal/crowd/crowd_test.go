package crowd

import (
	"bufio"
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
)

// ask sends a request over a connection and reads the answer.
func ask(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	if err != nil {
		t.Error(err)
		return
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || answer.StatusCode != http.StatusNotFound {
		t.Errorf("%v, %v", answer, err)
	}
}

// serve has a handler serve no more than two connections, and returns where, and what tells of more.
func serve(t *testing.T, handler http.HandlerFunc) (address string, full chan int) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	full = make(chan int, 8)
	server := &http.Server{Handler: handler}
	l := Limit(server, inner, 2, func(most int) { full <- most })
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("it ended with %v", err)
		}
	})
	return inner.Addr().String(), full
}

// dial returns a connection.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Connections beyond the limit wait for one that is being answered, and an Accept that waits ends with
// the server.
func TestLimit(t *testing.T) {
	begun, end := make(chan bool, 8), make(chan bool)
	address, full := serve(t, func(w http.ResponseWriter, r *http.Request) {
		begun <- true
		<-end
		http.NotFound(w, r)
	})
	done := make(chan bool, 3)
	for range 3 {
		c := dial(t, address)
		go func() { ask(t, c); done <- true }()
	}
	<-begun
	<-begun
	if most := <-full; most != 2 {
		t.Errorf("full at %d", most)
	}
	if len(begun) > 0 {
		t.Error("a third was let in")
	}
	if len(full) > 0 {
		t.Error("full twice")
	}
	close(end)
	for range 3 {
		<-done
	}
}

// Connections that are idle give way.
func TestIdle(t *testing.T) {
	address, _ := serve(t, http.NotFound)
	for range 7 {
		ask(t, dial(t, address))
	}
}

func TestMost(t *testing.T) {
	if all, few := Most(1), Most(1<<30); few != least || all < few {
		t.Errorf("%d of all, %d of few", all, few)
	}
}

// That connections must wait is said once in a while, not for each.
func TestWarn(t *testing.T) {
	var text bytes.Buffer
	full := Warn(slog.New(slog.NewTextHandler(&text, nil)), "others wait", &net.TCPAddr{Port: 80})
	for range 3 {
		full(64)
	}
	if got := text.String(); strings.Count(got, "others wait") != 1 || !strings.Contains(got, "address=:80 connections=64") {
		t.Errorf("it says:\n%s", got)
	}
}
