// Package e2e proves the whole of Fanfare on real sockets: an origin and edges as processes
// of their own, on loopback and in network namespaces, with loss in both directions, killed
// with kill -9 and started again.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"

	"fanfare/internal/edge"
	"fanfare/internal/origin"
	"fanfare/testbed/netns"
)

// Variables that make this test binary a daemon: which, and its configuration as JSON.
const (
	roleVariable   = "FANFARE_E2E_ROLE"
	configVariable = "FANFARE_E2E_CONFIG"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := runRole(role, []byte(os.Getenv(configVariable))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if err := netns.Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err) // the tests that need a bed skip
	}
	os.Exit(m.Run())
}

// runRole is the daemon's main function.
func runRole(role string, config []byte) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	switch role {
	case "origin":
		var c origin.Config
		if err := json.Unmarshal(config, &c); err != nil {
			return err
		}
		c.Log = log
		return origin.Run(ctx, c)
	case "edge":
		var c edge.Config
		if err := json.Unmarshal(config, &c); err != nil {
			return err
		}
		c.Log = log
		return edge.Run(ctx, c)
	}
	return fmt.Errorf("no role %q", role)
}

// daemon is a process of this binary in a role.
type daemon struct {
	t    *testing.T
	role string
	cmd  *exec.Cmd
	log  *tail
	done chan struct{} // closed when it has ended
	err  error         // then
}

// startDaemon starts a daemon, in a host if that is not nil. It is ended with the test, and its
// log is shown if the test failed.
func startDaemon(t *testing.T, host *netns.Host, role string, config any) *daemon {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{t: t, role: role, log: new(tail), done: make(chan struct{})}
	d.cmd = exec.Command("/proc/self/exe")
	d.cmd.Env = append(os.Environ(), roleVariable+"="+role, configVariable+"="+string(text))
	d.cmd.Stderr = d.log
	start := d.cmd.Start
	if host != nil {
		start = func() error { return host.Start(d.cmd) }
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		d.err = d.cmd.Wait()
		close(d.done)
	}()
	t.Cleanup(func() {
		d.kill()
		if t.Failed() {
			t.Logf("%s %s:\n%s", role, text, d.log.String())
		}
	})
	return d
}

// kill is kill -9.
func (d *daemon) kill() {
	d.cmd.Process.Kill() // an error: it has ended
	<-d.done
}

// stop is SIGTERM; it returns how the process ended.
func (d *daemon) stop() error {
	d.cmd.Process.Signal(syscall.SIGTERM)
	<-d.done
	return d.err
}

// tail keeps the last of what is written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailBytes = 16 << 10

func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b = append(w.b, p...)
	if len(w.b) > 2*tailBytes {
		w.b = append([]byte(nil), w.b[len(w.b)-tailBytes:]...)
	}
	return len(p), nil
}

// contains reports whether a text was written lately.
func (w *tail) contains(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Contains(w.b, []byte(text))
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.b)
}
