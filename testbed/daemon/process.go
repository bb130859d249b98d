// Package daemon runs origins and edges as processes of their own, on whatever stands for a
// machine: the fanfare command as an operator would run it, or a test binary in a role.
package daemon

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// StartLimit is how long a daemon may take to become ready.
	StartLimit = 20 * time.Second
	// PollEvery is how often it is asked meanwhile.
	PollEvery = 5 * time.Millisecond
	stopLimit = 5 * time.Second // for it to stop when it is asked to
)

// Machine is where a process runs. A *netns.Host is one.
type Machine interface {
	Start(*exec.Cmd) error
	// Dial has the form of http.Transport.DialContext.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
}

// Here is the machine, and the network namespace, of the calling process.
type Here struct{}

// Start starts the command.
func (Here) Start(c *exec.Cmd) error { return c.Start() }

// Dial connects.
func (Here) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

// Process is one daemon, which may be started many times. The exported fields are set before the
// first Start; one goroutine calls Start, any the rest.
type Process struct {
	Name    string
	Machine Machine
	// Command makes the command for a start.
	Command func() (*exec.Cmd, error)
	// Log is the path of the file that gets its output at the end; empty: this process's standard
	// error.
	Log string
	// Address is where it serves HTTP, "" if that is not asked for.
	Address string

	current atomic.Pointer[run]
	once    sync.Once
	client  *http.Client
}

// run is a process from its start to its end.
type run struct {
	command *exec.Cmd
	ended   chan struct{} // closed when it has
	err     error         // then
}

// Start starts it, or starts it again.
func (p *Process) Start() error {
	command, err := p.Command()
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", p.Name, err)
	}
	output := os.Stderr
	if p.Log != "" {
		if output, err = os.OpenFile(p.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644); err != nil {
			return err
		}
		defer output.Close()
	}
	command.Stdout, command.Stderr = output, output
	if err := p.Machine.Start(command); err != nil {
		return fmt.Errorf("cannot start %s: %w", p.Name, err)
	}
	r := &run{command: command, ended: make(chan struct{})}
	go func() {
		r.err = command.Wait()
		close(r.ended)
	}()
	p.current.Store(r)
	return nil
}

// running returns the current run, nil if it was not started or has ended.
func (p *Process) running() *run {
	r := p.current.Load()
	if r == nil {
		return nil
	}
	select {
	case <-r.ended:
		return nil
	default:
		return r
	}
}

// Running reports whether it was started and has not ended.
func (p *Process) Running() bool { return p.running() != nil }

// Err is how it ended: nil if it did well, or has not.
func (p *Process) Err() error {
	if r := p.current.Load(); r != nil && !p.Running() {
		return r.err
	}
	return nil
}

// PID is the number of the process that was started last.
func (p *Process) PID() int { return p.current.Load().command.Process.Pid }

// Ready waits until it says that it is ready, and fails at once if it ends instead.
func (p *Process) Ready(ctx context.Context) error { return p.await(ctx, "/readyz", "be ready") }

// Answers waits until it answers at all: what is cut off is not ready.
func (p *Process) Answers(ctx context.Context) error { return p.await(ctx, "/healthz", "answer") }

func (p *Process) await(ctx context.Context, path, what string) error {
	deadline := time.Now().Add(StartLimit)
	for {
		if !p.Running() {
			return fmt.Errorf("%s ended: %v; its log ends:\n%s", p.Name, p.Err(), p.Tail())
		}
		status, body, err := p.Get(ctx, path)
		if err == nil && status == http.StatusOK {
			return nil
		}
		why := string(bytes.TrimSpace(body))
		if err != nil {
			why = err.Error()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v in vain for %s to %s (%s); its log ends:\n%s", StartLimit, p.Name, what, why, p.Tail())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(PollEvery):
		}
	}
}

// Client is a client on the daemon's machine.
func (p *Process) Client() *http.Client {
	p.once.Do(func() {
		p.client = &http.Client{
			Timeout:   30 * time.Second,
			Transport: &http.Transport{DialContext: p.Machine.Dial, MaxIdleConnsPerHost: 8, DisableCompression: true},
		}
	})
	return p.client
}

// Get asks for a short answer.
func (p *Process) Get(ctx context.Context, path string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Address+path, nil)
	if err != nil {
		return 0, nil, err
	}
	response, err := p.Client().Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(http.MaxBytesReader(nil, response.Body, 1<<20))
	return response.StatusCode, b.Bytes(), err
}

// Kill ends it as a power cut would.
func (p *Process) Kill() {
	if r := p.running(); r != nil {
		r.command.Process.Kill() // fails only if it has just ended
		<-r.ended
	}
}

// Stop asks it to end, and kills it if it does not; only that is an error.
func (p *Process) Stop() error {
	r := p.running()
	if r == nil {
		return nil
	}
	r.command.Process.Signal(syscall.SIGTERM) // fails only if it has just ended
	select {
	case <-r.ended:
		return nil
	case <-time.After(stopLimit):
		p.Kill()
		return fmt.Errorf("%s did not stop within %v of SIGTERM", p.Name, stopLimit)
	}
}

// Pause stops it as a suspended machine is, for a time.
func (p *Process) Pause(ctx context.Context, d time.Duration) error {
	r := p.running()
	if r == nil {
		return fmt.Errorf("%s does not run", p.Name)
	}
	if err := r.command.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return r.command.Process.Signal(syscall.SIGCONT)
}

// Tail returns the last lines of its log.
func (p *Process) Tail() []byte {
	const lines = 12
	text, _ := os.ReadFile(p.Log) // none is none
	all := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return bytes.Join(all[max(0, len(all)-lines):], []byte("\n"))
}
