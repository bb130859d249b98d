package play

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"

	"fanfare/testbed/netns"
)

const (
	startLimit = 20 * time.Second // for a daemon to become ready
	stopLimit  = 5 * time.Second  // for a daemon to stop when it is asked to
	pollEvery  = 5 * time.Millisecond
)

// process is one daemon, which may be started many times.
type process struct {
	name    string
	host    *netns.Host
	binary  string
	args    []string
	log     string // path of the file that has its output
	address string // where it serves HTTP
	client  *http.Client
	// confine, if not nil, changes the command such that it sees its own disk.
	confine func(*exec.Cmd)

	command *exec.Cmd
	ended   chan struct{} // closed when it has
	err     error         // then
}

// connect makes the client for the daemon's HTTP face.
func (p *process) connect() {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		return p.host.Dial(ctx, network, address)
	}
	p.client = &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 8, DisableCompression: true},
	}
}

// start starts it, or starts it again.
func (p *process) start() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	p.command = exec.Command(p.binary, p.args...)
	p.command.Stdout, p.command.Stderr = log, log
	if p.confine != nil {
		p.confine(p.command)
	}
	if err := p.host.Start(p.command); err != nil {
		return fmt.Errorf("cannot start %s: %w", p.name, err)
	}
	p.ended = make(chan struct{})
	go func(c *exec.Cmd, ended chan struct{}) {
		p.err = c.Wait()
		close(ended)
	}(p.command, p.ended)
	return nil
}

// running reports whether it was started and has not ended.
func (p *process) running() bool {
	if p.ended == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// ready waits until it says that it is ready, and fails at once if it ends instead.
func (p *process) ready(ctx context.Context) error {
	deadline := time.Now().Add(startLimit)
	why := "no answer"
	for {
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended: %w; its log ends:\n%s", p.name, errors.Join(p.err), p.tail())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollEvery):
		}
		status, body, err := p.get(ctx, "/readyz")
		switch {
		case err == nil && status == http.StatusOK:
			return nil
		case err != nil:
			why = err.Error()
		default:
			why = string(bytes.TrimSpace(body))
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v in vain for %s to be ready (%s); its log ends:\n%s", startLimit, p.name, why, p.tail())
		}
	}
}

// get asks for a short answer.
func (p *process) get(ctx context.Context, path string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+path, nil)
	if err != nil {
		return 0, nil, err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(http.MaxBytesReader(nil, response.Body, 1<<20))
	return response.StatusCode, b.Bytes(), err
}

// kill ends it as a power cut would.
func (p *process) kill() {
	if p.running() {
		p.command.Process.Kill() // fails only if it has just ended
		<-p.ended
	}
}

// stop asks it to end, and kills it if it does not.
func (p *process) stop() error {
	if !p.running() {
		return nil
	}
	p.command.Process.Signal(syscall.SIGTERM) // fails only if it has just ended
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopLimit):
		p.kill()
		return fmt.Errorf("%s did not stop within %v of SIGTERM", p.name, stopLimit)
	}
}

// pause stops it as a suspended machine is, for a time.
func (p *process) pause(ctx context.Context, d time.Duration) error {
	if !p.running() {
		return fmt.Errorf("%s does not run", p.name)
	}
	if err := p.command.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return p.command.Process.Signal(syscall.SIGCONT)
}

// tail returns the last lines of its log.
func (p *process) tail() []byte {
	const lines = 12
	text, _ := os.ReadFile(p.log) // none is none
	all := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return bytes.Join(all[max(0, len(all)-lines):], []byte("\n"))
}
