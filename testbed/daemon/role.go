package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime/pprof"
	"syscall"

	"fanfare/internal/edge"
	"fanfare/internal/origin"
)

// roleVariable makes a test binary a daemon: it has the Role as JSON.
const roleVariable = "FANFARE_ROLE"

// Role is what a test binary is when it is started as a daemon: one of the two. Log need not be set.
type Role struct {
	Origin *origin.Config
	Edge   *edge.Config
	// Profile is the path of the file that gets a CPU profile, if not empty.
	Profile string
}

// Command makes the command that runs this binary in the role; its TestMain must call RunRole.
func (r *Role) Command() (*exec.Cmd, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), roleVariable+"="+string(text))
	return c, nil
}

// RunRole returns at once if this process was not started by a Role's command. If it was, it is
// the daemon's main function and does not return.
func RunRole(log *slog.Logger) {
	text := os.Getenv(roleVariable)
	if text == "" {
		return
	}
	var r Role
	err := json.Unmarshal([]byte(text), &r)
	if err == nil {
		err = r.run(log)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func (r *Role) run(log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if r.Profile != "" {
		file, err := os.Create(r.Profile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	switch {
	case r.Origin != nil:
		r.Origin.Log = log
		return origin.Run(ctx, *r.Origin)
	case r.Edge != nil:
		r.Edge.Log = log
		return edge.Run(ctx, *r.Edge)
	}
	return errors.New("daemon: neither an origin nor an edge")
}
