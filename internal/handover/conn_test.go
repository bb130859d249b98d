package handover

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// pair returns the two ends of a stream.
func pair(t *testing.T) (client, server *Conn) {
	t.Helper()
	// The path of a Unix socket is short, that of a test's directory may not be.
	dir, err := os.MkdirTemp("", "handover")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = Dial(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	accepted, err := Listener{l}.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { accepted.Close() })
	return client, accepted.(*Conn)
}

// file returns the descriptor of an open file with text in it.
func file(t *testing.T, text string) int {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// Files come in their order, and not later than the bytes that were written behind them.
func TestFilesComeWithBytes(t *testing.T) {
	client, server := pair(t)
	const count = 3*filesPerWrite + 5
	for i := range count {
		if err := client.Send(file(t, fmt.Sprint("file ", i))); err != nil {
			t.Fatal(err)
		}
	}
	text := bytes.Repeat([]byte("bytes"), 10)
	if n, err := client.Write(text); n != len(text) || err != nil {
		t.Fatal(n, err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(server, got); err != nil || !bytes.Equal(got, text) {
		t.Fatalf("read %q, %v", got, err)
	}
	for i := range count {
		fd, ok := server.Next()
		if !ok {
			t.Fatalf("%d of %d files came", i, count)
		}
		content := make([]byte, 100)
		n, err := unix.Pread(fd, content, 0)
		unix.Close(fd)
		if want := fmt.Sprint("file ", i); err != nil || string(content[:n]) != want {
			t.Fatalf("file %d says %q, %v", i, content[:n], err)
		}
	}
	if _, ok := server.Next(); ok {
		t.Error("a file came that was not sent")
	}
	client.Close()
	if n, err := server.Read(got); n != 0 || err != io.EOF {
		t.Errorf("at the end %d, %v", n, err)
	}
}

// Who sends files that nobody takes is stopped.
func TestTooManyFiles(t *testing.T) {
	client, server := pair(t)
	b := make([]byte, 1)
	for range MaxPending {
		f := file(t, "")
		if err := client.Send(f); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Read(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Send(file(t, "")); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write(b); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Read(b); !errors.Is(err, ErrTooMany) {
		t.Fatalf("one more: %v", err)
	}
	server.Drop()
	if _, ok := server.Next(); ok {
		t.Error("there is a file after Drop")
	}
}

// What was not sent when the stream ends is closed, and so is what comes too late.
func TestCloseClosesFiles(t *testing.T) {
	client, _ := pair(t)
	before, after := file(t, ""), file(t, "")
	if err := client.Send(before); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if err := client.Send(after); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}
	for _, fd := range []int{before, after} {
		// Nothing else opens files meanwhile, so that the number is not in use again.
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
			t.Errorf("the file was left open: %v", err)
		}
	}
}

// A process that may have no more files open says so.
func TestLostFiles(t *testing.T) {
	client, server := pair(t)
	const count = 20
	for range count {
		if err := client.Send(file(t, "")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.Write([]byte("bytes")); err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = uint64(file(t, "")) + 1 // it stays open
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	_, err := server.Read(make([]byte, 10))
	if e := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, ErrTooMany) || !server.Lost() || client.Lost() {
		t.Errorf("%v, %v and %v", err, server.Lost(), client.Lost())
	}
}
