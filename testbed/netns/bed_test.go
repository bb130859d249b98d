package netns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"fanfare/internal/mcast"
)

// childVariable makes the test binary a process of another kind: "addresses" prints those
// of its interface, "reexecute" does its task in a user namespace, and a task is done at
// once: "wait" prints the process's number and waits for its death, "exit" ends with 7.
const (
	childVariable          = "NETNS_TEST_CHILD"
	taskVariable           = "NETNS_TEST_TASK"
	statusNoUserNamespaces = 99
)

func TestMain(m *testing.M) {
	if task := os.Getenv(childVariable); task != "" {
		os.Exit(doTask(task))
	}
	if err := Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err) // each test will skip
	}
	os.Exit(m.Run())
}

func doTask(task string) int {
	switch task {
	case "addresses":
		link, err := netlink.LinkByName(hostInterface)
		if err != nil {
			fmt.Println(err)
			return 1
		}
		addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
		fmt.Println(addrs, err)
	case "reexecute":
		os.Setenv(childVariable, os.Getenv(taskVariable)) // for the inner process
		status, err := reexecute()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return statusNoUserNamespaces
		}
		return status
	case "wait":
		fmt.Println(os.Getpid())
		for { // without a timer the runtime would take this for a deadlock
			time.Sleep(time.Hour)
		}
	case "exit":
		return 7
	}
	return 0
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

// buildNetwork skips, aloud, where networks cannot be.
func buildNetwork(t *testing.T, top Topology) *Network {
	t.Helper()
	n, err := Build(top)
	if errors.Is(err, ErrNotAllowed) {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
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
	for end := clock.Now().Add(time.Minute); clock.Now() < end; {
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
	cmd := exec.CommandContext(ctx, binary, "-test.v", "-test.run=^(TestMulticast|TestLoss|TestDialAndListen|TestStart|TestCloseKills|TestCutAndHeal|TestLinkDamage|TestLinkCarriesEverything|TestRouter)$")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if bytes.Contains(out, []byte(ErrNotAllowed.Error())) {
		t.Skipf("SKIPPED: this system lets no user make namespaces:\n%s", out)
	}
	if err != nil || bytes.Contains(out, []byte("SKIP")) || bytes.Count(out, []byte("\n--- PASS")) < 9 {
		t.Errorf("%v\n%s", err, out)
	}
}
