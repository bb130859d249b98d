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
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"fanfare/internal/mcast"
)

// childVariable makes the test binary a process to start in a host: "addresses" prints
// those of its interface, "wait" waits until it is killed.
const childVariable = "NETNS_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "addresses":
		link, err := netlink.LinkByName(hostInterface)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
		fmt.Println(addrs, err)
		return
	case "wait":
		fmt.Println("waiting")
		select {}
	}
	if err := Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err) // each test will skip
	}
	os.Exit(m.Run())
}

// openBed skips, aloud, where beds cannot be.
func openBed(t *testing.T, c Config) *Bed {
	t.Helper()
	b, err := Open(c)
	if errors.Is(err, ErrNotAllowed) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// conn makes a socket inside a host.
func conn(t *testing.T, h *Host, open func() (*mcast.Conn, error)) (c *mcast.Conn) {
	t.Helper()
	err := h.Do(func() (err error) {
		c, err = open()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func join(t *testing.T, h *Host, o mcast.Options) *mcast.Conn {
	t.Helper()
	return conn(t, h, func() (*mcast.Conn, error) { return mcast.Join(o) })
}

func sender(t *testing.T, h *Host, o mcast.Options) *mcast.Conn {
	t.Helper()
	return conn(t, h, func() (*mcast.Conn, error) { return mcast.NewSender(o) })
}

// readFirst returns the payload of the first datagram, which must come within five seconds.
func readFirst(t *testing.T, c *mcast.Conn) string {
	t.Helper()
	p, err := mcast.NewPoller(c)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	clock := mcast.NewClock()
	for end := clock.Now().Add(5 * time.Second); clock.Now() < end; {
		if err := p.Wait(end); err != nil {
			t.Fatal(err)
		}
		batch, err := c.Read()
		if err != nil {
			t.Fatal(err)
		}
		if len(batch) > 0 {
			return string(batch[0].Payload)
		}
	}
	t.Fatal("nothing arrived")
	return ""
}

func TestMulticast(t *testing.T) {
	b := openBed(t, Config{Edges: 2})
	tests := []struct {
		group  string
		source netip.Addr
	}{
		{"239.77.1.2:5000", netip.Addr{}},
		{"232.77.1.2:5000", b.Origin.Addr4},
		{"[ff15::7777]:5000", netip.Addr{}},
		{"[ff12::7777]:5000", netip.Addr{}},
		{"[ff35::8000:7777]:5000", b.Origin.Addr6},
	}
	for _, test := range tests {
		t.Run(test.group, func(t *testing.T) {
			o := mcast.Options{Group: netip.MustParseAddrPort(test.group), Source: test.source, Interface: b.Origin.Interface}
			one, two := join(t, b.Edges[0], o), join(t, b.Edges[1], o)
			if test.source.IsValid() { // another source of the group is not heard
				foreign := o
				foreign.Source = netip.Addr{}
				c := sender(t, b.Edges[1], foreign)
				if _, err := c.Write([][]byte{[]byte("not for us")}); err != nil {
					t.Fatal(err)
				}
			}
			s := sender(t, b.Origin, o)
			if n, err := s.Write([][]byte{[]byte("hello")}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			for _, c := range []*mcast.Conn{one, two} {
				if got := readFirst(t, c); got != "hello" {
					t.Errorf("got %q", got)
				}
			}
			if s.Stats().PacketsRefused != 0 {
				t.Errorf("stats: %+v", s.Stats())
			}
		})
	}
}

func TestLoss(t *testing.T) {
	b := openBed(t, Config{Edges: 2, Loss: 0.1, FeedbackLoss: 0.2})
	const total, size = 20_000, 8
	o := mcast.Options{Group: netip.MustParseAddrPort("239.77.1.2:5000"), Interface: b.Origin.Interface, ReceiveBuffer: 4 << 20}
	s := sender(t, b.Origin, o)
	var got [2][total]bool
	edges := [2]*mcast.Conn{join(t, b.Edges[0], o), join(t, b.Edges[1], o)}
	feedback := conn(t, b.Origin, func() (*mcast.Conn, error) {
		return mcast.ListenUnicast(netip.AddrPortFrom(b.Origin.Addr4, 5001), o)
	})
	asks := conn(t, b.Edges[0], func() (*mcast.Conn, error) {
		return mcast.DialUnicast(netip.AddrPortFrom(b.Origin.Addr4, 5001), o)
	})
	drain := func() {
		for e, c := range edges {
			for batch, err := c.Read(); len(batch) > 0 || err != nil; batch, err = c.Read() {
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range batch {
					var i int
					if _, err := fmt.Sscanf(string(d.Payload), "%d", &i); err != nil {
						t.Fatal(err)
					}
					got[e][i] = true
				}
			}
		}
		for batch, _ := feedback.Read(); len(batch) > 0; batch, _ = feedback.Read() {
		}
	}
	for i := range total {
		batch := [][]byte{fmt.Appendf(nil, "%0*d", size, i)}
		if n, err := s.Write(batch); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := asks.Write(batch); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if i%64 == 63 {
			drain()
		}
	}
	// What is under way arrives on another processor's time: wait for what the rules let through.
	deadline := time.Now().Add(5 * time.Second)
	for done := false; !done && time.Now().Before(deadline); {
		drain()
		done = true
		for e, c := range edges {
			done = done && c.Stats().PacketsReceived+dropCount(t, b.Edges[e]) >= total
		}
		done = done && feedback.Stats().PacketsReceived+dropCount(t, b.Origin) >= total
	}
	var lost [2]int
	var both int
	for i := range total {
		for e := range got {
			if !got[e][i] {
				lost[e]++
			}
		}
		if !got[0][i] && !got[1][i] {
			both++
		}
	}
	// Six standard deviations either way.
	wantBetween(t, "lost by edge 1", lost[0], 2000-255, 2000+255)
	wantBetween(t, "lost by edge 2", lost[1], 2000-255, 2000+255)
	wantBetween(t, "lost by both", both, 200-85, 200+85)
	wantBetween(t, "feedback lost", total-int(feedback.Stats().PacketsReceived), 4000-340, 4000+340)
	for e, c := range edges {
		if n := c.Stats().SocketDrops; n != 0 {
			t.Errorf("edge %d's socket dropped %d", e, n)
		}
		if n := dropCount(t, b.Edges[e]); int(n) != lost[e] {
			t.Errorf("edge %d counts %d dropped, %d are missing", e, n, lost[e])
		}
	}
}

func dropCount(t *testing.T, h *Host) uint64 {
	t.Helper()
	n, err := h.Dropped()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func wantBetween(t *testing.T, what string, got, low, high int) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s: %d, want %d to %d", what, got, low, high)
	}
}

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
	if _, err := io.ReadFull(out, make([]byte, len("waiting"))); err != nil {
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
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
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

func TestSetLoss(t *testing.T) {
	b := openBed(t, Config{Edges: 1, Loss: 1})
	o := mcast.Options{Group: netip.MustParseAddrPort("239.77.1.2:5000"), Interface: hostInterface}
	c, s := join(t, b.Edges[0], o), sender(t, b.Origin, o)
	for _, loss := range []float64{1, 0} {
		if err := b.Edges[0].SetLoss(loss); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write([][]byte{fmt.Appendf(nil, "%v", loss)}); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(5 * time.Second); loss == 1 && dropCount(t, b.Edges[0]) == 0 && time.Now().Before(end); {
		}
	}
	if got := readFirst(t, c); got != "0" {
		t.Errorf("got %q", got)
	}
	if err := b.Edges[0].SetLoss(2); err == nil {
		t.Error("no error for a loss of 2")
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []Config{{Edges: -1}, {Edges: 251}, {Loss: 1.1}, {FeedbackLoss: -1}, {MTU: 100}} {
		if _, err := Open(c); err == nil || errors.Is(err, ErrNotAllowed) {
			t.Errorf("Open(%+v): %v", c, err)
		}
	}
}

// TestUnprivileged runs the tests above once more as a user without rights, who gets a
// bed by Enter.
func TestUnprivileged(t *testing.T) {
	if os.Getuid() != 0 || insideUserNamespace() {
		t.Skip("SKIPPED: only root can start a test as another user; the other tests ran without root's rights")
	}
	dir, err := os.MkdirTemp("", "netns-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	binary := filepath.Join(dir, "netns.test")
	text, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(binary, text, 0o755)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.v", "-test.run=^(TestMulticast|TestLoss|TestDialAndListen|TestStart|TestCloseKills|TestCutAndHeal)$")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if bytes.Contains(out, []byte("may not make network namespaces")) {
		t.Skipf("SKIPPED: this system lets no user make namespaces:\n%s", out)
	}
	if err != nil || bytes.Contains(out, []byte("SKIP")) || bytes.Count(out, []byte("\n--- PASS")) < 6 {
		t.Errorf("%v\n%s", err, out)
	}
}
