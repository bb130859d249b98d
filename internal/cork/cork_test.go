package cork

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pair returns a Conn and the other end of it.
func pair(t *testing.T) (*Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	c, err := Listener{l}.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*Conn), client
}

// open returns a piece of a file.
func open(t *testing.T, path string, offset, length int64) *Section {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return &Section{File: file, Offset: offset, Length: length}
}

// section returns a piece of a file with that content.
func section(t *testing.T, content string, offset, length int64) *Section {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return open(t, path, offset, length)
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

// all ends c and returns what came.
func all(t *testing.T, c *Conn, client net.Conn) string {
	t.Helper()
	c.Close()
	return readAll(t, client)
}

func TestHold(t *testing.T) {
	long, large := strings.Repeat("h", headLimit+1), strings.Repeat("b", Limit+1)
	environment := readAll(t, open(t, "/proc/self/environ", 0, 3))
	tests := []struct {
		name string
		do   func(c *Conn)
		held int // of the bytes written, afterwards
		want string
	}{
		{"not held", func(c *Conn) { c.Write([]byte("head")) }, 0, "head"},
		{"held", func(c *Conn) { c.Hold(); c.Write([]byte("head")) }, 4, ""},
		{"released", func(c *Conn) { c.Hold(); c.Write([]byte("head")); c.Release(); c.Write([]byte("body")) }, 0, "headbody"},
		{"nothing to release", func(c *Conn) { c.Release(); c.Hold(); c.Release(); c.Write([]byte("x")) }, 0, "x"},
		{"in pieces", func(c *Conn) { c.Hold(); c.Write([]byte("he")); c.Hold(); c.Write([]byte("ad")) }, 4, ""},
		{"too much", func(c *Conn) { c.Hold(); c.Write([]byte("head")); c.Write([]byte(long)) }, 0, "head" + long},
		{"with a body", func(c *Conn) { c.Hold(); c.Write([]byte("head")); c.ReadFrom(section(t, "a body", 2, 4)) }, 0, "headbody"},
		{"with a body and no head", func(c *Conn) { c.ReadFrom(section(t, "body", 0, 4)) }, 0, "body"},
		{"with a body that ends early", func(c *Conn) {
			c.Hold()
			c.Write([]byte("head"))
			if n, err := c.ReadFrom(section(t, "body", 0, 5)); n != 4 || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%d, %v", n, err)
			}
		}, 0, "headbody"},
		{"with a large body", func(c *Conn) {
			c.Hold()
			c.Write([]byte("head"))
			if n, err := c.ReadFrom(section(t, "x"+large, 1, int64(len(large)))); n != int64(len(large)) || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		}, 0, "head" + large},
		{"with a large body and no head", func(c *Conn) { c.ReadFrom(section(t, large, 0, int64(len(large)))) }, 0, large},
		{"with a large body that ends early", func(c *Conn) {
			c.Hold()
			c.Write([]byte("head"))
			if n, err := c.ReadFrom(section(t, large, 0, int64(len(large))+1)); n != int64(len(large)) || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%d, %v", n, err)
			}
		}, 0, "head" + large},
		{"with a file that no sendfile takes", func(c *Conn) {
			c.Hold()
			c.Write([]byte("head"))
			if n, err := c.sendFile(open(t, "/proc/self/environ", 0, 3)); n != 3 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		}, 0, "head" + environment[:3]},
		{"with any reader", func(c *Conn) { c.Hold(); c.Write([]byte("head")); c.ReadFrom(strings.NewReader("body")) }, 0, "headbody"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, client := pair(t)
			test.do(c)
			if c.length != test.held {
				t.Errorf("%d bytes are held, want %d", c.length, test.held)
			}
			if got := all(t, c, client); got != test.want {
				t.Errorf("%d bytes came, want %d", len(got), len(test.want))
			}
		})
	}
}

// tellingListener tells of the connections that it makes.
type tellingListener struct {
	net.Listener
	opened chan *Conn
}

func (l tellingListener) Accept() (net.Conn, error) {
	c, err := Listener{l.Listener}.Accept()
	if err == nil {
		l.opened <- c.(*Conn)
	}
	return c, err
}

// A server's handler finds the connection, and answers arrive as they should.
func TestServer(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 20_000)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	found := make(chan *Conn, 1)
	handler := func(w http.ResponseWriter, r *http.Request) {
		c := From(r.Context())
		found <- c
		w.Header().Set("Content-Length", r.Header.Get("Size"))
		c.Hold()
		defer c.Release()
		if r.Header.Get("Body") == "no" {
			return
		}
		file, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		w.(http.Flusher).Flush()
		s := &Section{File: file, Length: map[string]int64{"10": 10, "200000": 200_000}[r.Header.Get("Size")]}
		if _, err := w.(io.ReaderFrom).ReadFrom(s); err != nil {
			t.Error(err)
		}
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := tellingListener{inner, make(chan *Conn, 8)}
	server := http.Server{Handler: http.HandlerFunc(handler), ConnContext: ConnContext}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-ended })
	var opened *Conn
	for _, test := range []struct{ method, size, body string }{
		{"GET", "10", ""}, {"GET", "200000", ""}, {"HEAD", "10", "no"}, {"GET", "10", ""},
	} {
		r, err := http.NewRequest(test.method, "http://"+inner.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Size", test.size)
		r.Header.Set("Body", test.body)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if opened == nil {
			opened = <-l.opened
		}
		if c := <-found; c != opened {
			t.Error("the handler finds another connection than the listener's")
		}
		if test.method == "GET" && !bytes.Equal(got, content[:len(got)]) || answer.Header.Get("Content-Length") != test.size {
			t.Errorf("%+v: %d bytes, %v", test, len(got), answer.Header)
		}
	}
}

func TestOtherConnections(t *testing.T) {
	c := From(t.Context())
	if c != nil {
		t.Fatal("a connection out of nowhere")
	}
	c.Hold()
	if err := c.Release(); err != nil {
		t.Error(err)
	}
	if ctx := ConnContext(t.Context(), &net.TCPConn{}); From(ctx) != nil {
		t.Error("a connection that is none of a Listener's is found")
	}
}
