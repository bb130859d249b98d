package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrNotAllowed is why there can be no bed: this process may not make one, or the kernel
// lacks a part. What wraps it says in one sentence which, and what to do.
var ErrNotAllowed = errors.New("netns: no network namespaces here")

// notAllowed explains a refusal of the kernel.
func notAllowed(err error) error {
	return fmt.Errorf("%w: run it as root, or let users make user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns): %w", ErrNotAllowed, err)
}

// enteredVariable marks a process that Enter started, so that it does not start another.
const enteredVariable = "FANFARE_NETNS_ENTERED"

// Enter sees to it that Open will work. A program calls it first of all, before it opens
// files or starts goroutines.
//
// If this process may make network namespaces, Enter returns nil at once. Otherwise it
// starts the same program, with the same arguments, in a new user namespace where the
// present user is root, waits for it and exits with its status: Enter does not return
// then. What the terminal or a parent signals is passed on, and the new process dies
// with this one. It still has the machine's own network, files and user; only
// namespaces it makes are its own, and files it creates belong to the present user.
//
// Where that does not work either, Enter returns ErrNotAllowed and the program goes on.
func Enter() error {
	err := allowed()
	if err == nil || !errors.Is(err, ErrNotAllowed) || os.Getenv(enteredVariable) != "" {
		return err
	}
	status, err := reexecute()
	if err != nil {
		return notAllowed(err)
	}
	os.Exit(status)
	return nil
}

// allowed tries it, on a thread that ends with the trial.
func allowed() error {
	s, err := newSpace()
	if err != nil {
		return err
	}
	return s.close()
}

// insideUserNamespace reports whether user ids here are not the machine's own.
func insideUserNamespace() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(text)), " ") != "0 0 4294967295"
}

// reexecute starts this program again as root of a new user namespace and waits for its end.
func reexecute() (status int, err error) {
	// The new process is to die with the thread that starts it: this one must stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), enteredVariable+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			if (s == syscall.SIGINT || s == syscall.SIGQUIT) && inForeground() {
				continue // typed at the terminal: the new process has it already
			}
			_ = cmd.Process.Signal(s) // fails only when the process has just ended
		case err := <-done:
			return exitStatus(cmd.ProcessState, err)
		}
	}
}

// inForeground reports whether this process's group is the one the terminal's keys signal.
func inForeground() bool {
	for fd := range 3 {
		if group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err == nil && group == unix.Getpgrp() {
			return true
		}
	}
	return false
}

// exitStatus is a process's status as a shell gives it: 128 and the signal that killed it.
func exitStatus(state *os.ProcessState, err error) (int, error) {
	if state == nil {
		return 0, err
	}
	if s, ok := state.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal()), nil
	}
	return state.ExitCode(), nil
}
