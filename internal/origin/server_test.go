package origin

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/wire"
)

func TestListenUnix(t *testing.T) {
	dir, err := os.MkdirTemp("", "ff")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	l, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listenUnix(path); err == nil || !strings.Contains(err.Error(), "another program answers") {
		t.Errorf("a socket in use: %v", err)
	}
	// As kill -9 leaves it.
	l.(interface{ SetUnlinkOnClose(bool) }).SetUnlinkOnClose(false)
	l.Close()
	l, err = listenUnix(path)
	if err != nil {
		t.Errorf("a stale socket: %v", err)
	} else {
		l.Close()
	}
	if _, err := listenUnix(filepath.Join(dir, strings.Repeat("d", 120))); err == nil || !strings.Contains(err.Error(), "shorter path") {
		t.Errorf("a long path: %v", err)
	}
}

// An origin stops in time, whatever its clients do; and it can be asked over TCP.
func TestStopWhileBusy(t *testing.T) {
	dir := initOrigin(t)
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), freePort(t))
	text := strings.Replace(string(mustRead(t, filepath.Join(dir, configName))), `#api: "127.0.0.1:7701"`, `api: "`+address.String()+`"`, 1)
	if err := os.WriteFile(filepath.Join(dir, configName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	edge := newFakeEdge(t, dir)
	o := start(t, dir)
	edge.until("a heartbeat", func() bool { return edge.beats > 0 })
	edge.report(0, wire.Report{})
	client := api.NewTCP(address.String())
	for {
		result, err := client.Publish(t.Context(), api.PublishOptions{}, tarOf(files{"a": "x"}))
		if err != nil {
			t.Fatal(err)
		}
		if result.Edges == 1 {
			break
		}
	}
	ended := make(chan error, 2)
	waiting := make(chan struct{}, 100)
	go func() {
		_, err := client.Wait(t.Context(), api.Sequences{First: 1, Last: 1}, time.Minute, func(*api.Receipt) { waiting <- struct{}{} })
		ended <- err
	}()
	go func() {
		_, err := client.Publish(t.Context(), api.PublishOptions{}, func(w io.Writer) error {
			if _, err := w.Write(make([]byte, 300<<10)); err != nil {
				return err
			}
			waiting <- struct{}{}
			select {} // the client is silent
		})
		ended <- err
	}()
	<-waiting
	<-waiting
	o.stop()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "stopped answering") {
		t.Errorf("the waiting client: %v", err)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A request that panics may have left the log and what is known of it apart: only a restart
// brings them together again.
func TestAPanicEndsTheOrigin(t *testing.T) {
	o, err := Open(Config{Dir: initOrigin(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.serve(listener, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") }))
	ended := make(chan error, 1)
	go func() { ended <- o.Run(t.Context()) }()
	if answer, err := http.Get("http://" + listener.Addr().String()); err == nil {
		answer.Body.Close()
		t.Errorf("answered %s", answer.Status)
	}
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "a bug") {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(hangsAfter):
		t.Error("the origin goes on")
	}
}
