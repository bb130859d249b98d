package daemon

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fanfare/internal/origin"
)

func TestMain(m *testing.M) {
	RunRole(slog.Default())
	os.Exit(m.Run())
}

// TestRole has this binary be an origin that cannot run.
func TestRole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nothing")
	role := Role{Origin: &origin.Config{Dir: dir}}
	p := &Process{Name: "origin", Machine: Here{}, Command: role.Command, Log: dir + ".log", Address: "127.0.0.1:1"}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	err := p.Ready(context.Background())
	if err == nil || !strings.Contains(err.Error(), "origin ended: exit status 1; its log ends:\n") || !strings.Contains(err.Error(), dir) {
		t.Errorf("ready: %v", err)
	}
	if p.Running() || p.Err() == nil {
		t.Errorf("running: %v, ended: %v", p.Running(), p.Err())
	}
}

func TestStartedAgain(t *testing.T) {
	p := &Process{Name: "sleeper", Machine: Here{}, Command: func() (*exec.Cmd, error) { return exec.Command("sleep", "60"), nil }}
	if err := p.Pause(t.Context(), 0); p.Running() || p.Stop() != nil || err == nil {
		t.Errorf("not started, but runs: %v", err)
	}
	for _, end := range []func() error{p.Stop, func() error { p.Kill(); return nil }} {
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		if err := p.Pause(t.Context(), time.Millisecond); err != nil || !p.Running() {
			t.Errorf("paused: %v", err)
		}
		if err := end(); err != nil || p.Running() || p.Err() == nil {
			t.Errorf("ended: %v, %v", err, p.Err())
		}
	}
}
