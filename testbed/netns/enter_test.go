package netns

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// reexecuted starts this test binary so that it starts itself again in a user namespace, as
// Enter does for a user without rights, and then does what task says.
func reexecuted(t *testing.T, task string) *exec.Cmd {
	t.Helper()
	cmd := child(t, "reexecute")
	cmd.Env = append(cmd.Env, taskVariable+"="+task)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestStatusIsPassedOn(t *testing.T) {
	cmd := reexecuted(t, "exit")
	err := cmd.Run()
	skipWithoutUserNamespaces(t, err)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("status %v, want 7", err)
	}
}

func TestSignalsArePassedOn(t *testing.T) {
	cmd, _ := startReexecuted(t)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 128+int(syscall.SIGTERM) {
		t.Errorf("status %v, want %d", err, 128+int(syscall.SIGTERM))
	}
}

func TestKillTakesTheInnerProcessAlong(t *testing.T) {
	cmd, out := startReexecuted(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// The inner process holds the other end: the pipe ends when it is dead.
	if line, err := out.ReadString('\n'); err == nil {
		t.Errorf("the inner process still speaks: %q", line)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Errorf("status %v", err)
	}
}

// startReexecuted returns once the inner process has said its number, which is not the
// outer one's.
func startReexecuted(t *testing.T) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := reexecuted(t, "wait")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	out := bufio.NewReader(pipe)
	line, err := out.ReadString('\n')
	if err != nil {
		skipWithoutUserNamespaces(t, cmd.Wait())
		t.Fatal(err)
	}
	if inner, err := strconv.Atoi(strings.TrimSpace(line)); err != nil || inner == cmd.Process.Pid {
		t.Fatalf("the inner process says %q", line)
	}
	return cmd, out
}

func skipWithoutUserNamespaces(t *testing.T, err error) {
	t.Helper()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == statusNoUserNamespaces {
		t.Skip("SKIPPED: this system lets this user make no user namespaces")
	}
}
