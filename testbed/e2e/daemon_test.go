// Package e2e proves the whole of Fanfare on real sockets: an origin and edges as processes
// of their own, on loopback and in network namespaces, with loss in both directions, killed
// with kill -9 and started again.
package e2e

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"fanfare/testbed/daemon"
	"fanfare/testbed/netns"
)

func TestMain(m *testing.M) {
	daemon.RunRole(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err := netns.Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err) // the tests that need a bed skip
	}
	os.Exit(m.Run())
}

// startDaemon starts this binary in a role, in a host if that is not nil. It is ended with the
// test, and its log is shown if the test failed.
func startDaemon(t *testing.T, host *netns.Host, name string, role daemon.Role) *daemon.Process {
	t.Helper()
	d := &daemon.Process{Name: name, Machine: daemon.Here{}, Command: role.Command, Log: filepath.Join(t.TempDir(), "log")}
	if host != nil {
		d.Machine = host
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Kill()
		if t.Failed() {
			const most = 16 << 10
			text := logOf(d)
			t.Logf("%s:\n%s", name, text[max(0, len(text)-most):])
		}
	})
	return d
}

// logOf is all that a daemon has said.
func logOf(d *daemon.Process) []byte {
	text, _ := os.ReadFile(d.Log) // none is none
	return bytes.TrimSpace(text)
}
