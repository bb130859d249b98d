package netns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"fanfare/internal/mcast"
)

func TestDialAndListen(t *testing.T) {
	b := openBed(t, Config{Edges: 1})
	for _, addr := range []netip.Addr{b.Origin.Addr4, b.Origin.Addr6} {
		l, err := b.Origin.Listen("tcp", netip.AddrPortFrom(addr, 80).String())
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.RemoteAddr)
		})}
		served := make(chan error, 1)
		go func() { served <- server.Serve(l) }()
		client := &http.Client{Transport: &http.Transport{DialContext: b.Edges[0].Dial}}
		response, err := client.Get("http://" + l.Addr().String() + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		from := netip.MustParseAddrPort(string(body)).Addr()
		if err != nil || (from != b.Edges[0].Addr4 && from != b.Edges[0].Addr6) {
			t.Errorf("the request came from %s, %v", body, err)
		}
		server.Close()
		<-served
	}
	if n, err := b.Origin.TxBytes(); n == 0 || err != nil {
		t.Errorf("TxBytes = %d, %v", n, err)
	}
	if n, err := b.Edges[0].RxBytes(); n == 0 || err != nil {
		t.Errorf("RxBytes = %d, %v", n, err)
	}
}

// child is this test binary as a process to start in a host.
func child(t *testing.T, task string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childVariable+"="+task)
	return cmd
}

func TestStart(t *testing.T) {
	b := openBed(t, Config{Edges: 1})
	cmd := child(t, "addresses")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := b.Edges[0].Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "10.77.1.1/16") {
		t.Errorf("%v, %s", err, out.String())
	}
}

func TestCloseKills(t *testing.T) {
	b := openBed(t, Config{})
	cmd := child(t, "wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Origin.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil { // it runs
		t.Fatal(err)
	}
	runtime.GC() // the thread that started the process stays, whatever the others do
	origin := b.Origin
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("the process ended with %v", err)
	}
	if err := origin.Start(child(t, "wait")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Start in a closed bed: %v", err)
	}
}

func TestCutAndHeal(t *testing.T) {
	b := openBed(t, Config{Edges: 1})
	l, err := b.Origin.Listen("tcp", "10.77.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	edge := b.Edges[0]
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dial := func(ctx context.Context) error {
		c, err := edge.Dial(ctx, "tcp", "10.77.0.1:80")
		if err == nil {
			c.Close()
		}
		return err
	}
	o := mcast.Options{Group: netip.MustParseAddrPort("239.77.1.2:5000"), Interface: edge.Interface}
	c, s := join(t, edge, o), sender(t, b.Origin, o)
	if err := dial(ctx); err != nil {
		t.Fatal(err)
	}
	if err := edge.Cut(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([][]byte{[]byte("while it was cut")}); err != nil {
		t.Fatal(err)
	}
	short, cancelShort := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancelShort()
	if err := dial(short); err == nil {
		t.Error("an edge that is cut off reached the origin")
	}
	if err := edge.Heal(); err != nil {
		t.Fatal(err)
	}
	for err = dial(ctx); err != nil && ctx.Err() == nil; {
		err = dial(ctx)
	}
	if err != nil {
		t.Errorf("healed, but %v", err)
	}
	if _, err := s.Write([][]byte{[]byte("healed")}); err != nil {
		t.Fatal(err)
	}
	if got := readFirst(t, c); got != "healed" {
		t.Errorf("got %q", got)
	}
}

func TestShell(t *testing.T) {
	b := openBed(t, Config{})
	if _, err := exec.LookPath("nsenter"); err != nil {
		t.Skip("SKIPPED: nsenter is not installed")
	}
	if insideUserNamespace() {
		t.Skip("SKIPPED: what Shell returns is for terminals outside this user namespace")
	}
	way := strings.Fields(b.Origin.Shell() + " readlink /proc/self/ns/net")
	got, err := exec.Command(way[0], way[1:]...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want string
	err = b.Origin.Do(func() (err error) {
		want, err = os.Readlink("/proc/thread-self/ns/net")
		return err
	})
	if err != nil || strings.TrimSpace(string(got)) != want {
		t.Errorf("%q leads to %s, want %s, %v", b.Origin.Shell(), got, want, err)
	}
}
