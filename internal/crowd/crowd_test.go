package crowd

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"testing"
)

// ask sends a request over a connection and reads the answer.
func ask(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || answer.StatusCode != http.StatusNotFound {
		t.Fatalf("%v, %v", answer, err)
	}
}

func TestLimit(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	full := make(chan int, 8)
	l := Limit(inner, 2, func(most int) { full <- most })
	server := http.Server{Handler: http.NotFoundHandler(), ConnState: l.ConnState}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	var clients []net.Conn
	for i := range 3 {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i < 2 {
			ask(t, c)
		}
		clients = append(clients, c)
	}
	if most := <-full; most != 2 {
		t.Errorf("full at %d", most)
	}
	clients[0].Close()
	ask(t, clients[2])
	<-full // the next Accept waits, and is to end with the listener
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("it ended with %v", err)
	}
}

func TestMost(t *testing.T) {
	if all, few := Most(1), Most(1<<30); few != least || all < few {
		t.Errorf("%d of all, %d of few", all, few)
	}
}
