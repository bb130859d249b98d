package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"fanfare/internal/api"
)

const (
	startLimit = 15 * time.Second // for a daemon to become ready
	stopLimit  = 3 * time.Second  // for a daemon to stop when it is asked to
	group      = "239.255.70.70:7070"
	port       = "7071" // of the origin, for edges
)

// fleet is the demo's daemons: the same binary, run as an operator would.
type fleet struct {
	place  *place
	binary string
	dir    string
	client *api.Client
	origin *daemon
	edges  []*daemon
}

// daemon is one running process.
type daemon struct {
	machine machine
	args    []string
	log     string // path of the file that has its output
	http    string // where it serves HTTP
	command *exec.Cmd
	ended   chan error
}

// startFleet makes an origin below dir and starts it and its edges, until all are ready.
func startFleet(ctx context.Context, p *place, binary, dir, rate string) (*fleet, error) {
	f := &fleet{place: p, binary: binary, dir: dir}
	originDir := filepath.Join(dir, "origin")
	f.client = api.NewUnix(originDir)
	advertise := net.JoinHostPort(p.origin.address, port)
	err := f.run(p.origin, "origin", "init", "--dir", originDir, "--group", group, "--interface", p.origin.iface,
		"--rate", rate, "--advertise", advertise)
	if err != nil {
		return nil, err
	}
	f.origin = &daemon{machine: p.origin, args: []string{"origin", "--dir", originDir}, log: filepath.Join(dir, "origin.log"), http: advertise}
	if err := f.start(f.origin); err != nil {
		return nil, err
	}
	if err := f.ready(ctx, f.origin); err != nil {
		return f, err
	}
	for _, m := range p.edges {
		httpPort, err := freePort(m)
		if err != nil {
			return f, err
		}
		address := net.JoinHostPort(m.address, httpPort)
		edge := &daemon{machine: m, log: filepath.Join(dir, m.name+".log"), http: address, args: []string{
			"edge", "--session", filepath.Join(originDir, "session.ff"), "--dir", filepath.Join(dir, m.name),
			"--interface", m.iface, "--http", address, "--name", m.name, "--inject-loss", fmt.Sprint(m.injectLoss),
		}}
		f.edges = append(f.edges, edge)
		if err := f.start(edge); err != nil {
			return f, err
		}
	}
	for _, edge := range f.edges {
		if err := f.ready(ctx, edge); err != nil {
			return f, err
		}
	}
	return f, f.joined(ctx)
}

// joined waits until the origin has heard every edge, so that it expects all of them.
func (f *fleet) joined(ctx context.Context) error {
	return poll(ctx, startLimit, "every edge to be heard by the origin", func() (bool, error) {
		status, err := f.client.Status(ctx)
		return err == nil && len(status.Edges) == len(f.edges), err
	})
}

// run runs a command of the binary to its end.
func (f *fleet) run(m machine, args ...string) error {
	var output bytes.Buffer
	command := exec.Command(f.binary, args...)
	command.Stdout, command.Stderr = &output, &output
	if err := m.start(command); err != nil {
		return err
	}
	if err := command.Wait(); err != nil {
		return fmt.Errorf("fanfare %s: %w\n%s", args[0], err, output.Bytes())
	}
	return nil
}

// start starts a daemon, or starts it again.
func (f *fleet) start(d *daemon) error {
	log, err := os.OpenFile(d.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	d.command = exec.Command(f.binary, d.args...)
	d.command.Stdout, d.command.Stderr = log, log
	if err := d.machine.start(d.command); err != nil {
		return fmt.Errorf("cannot start %s: %w", d.machine.name, err)
	}
	d.ended = make(chan error, 1)
	go func(c *exec.Cmd, ended chan<- error) { ended <- c.Wait() }(d.command, d.ended)
	return nil
}

// ready waits until a daemon says that it is ready, and fails at once if it ends instead.
func (f *fleet) ready(ctx context.Context, d *daemon) error {
	transport := &http.Transport{DialContext: d.machine.dial}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Second}
	err := poll(ctx, startLimit, d.machine.name+" to be ready", func() (bool, error) {
		select {
		case err := <-d.ended:
			d.ended <- err
			return false, fmt.Errorf("%s ended: %v", d.machine.name, err)
		default:
		}
		answer, err := client.Get("http://" + d.http + "/readyz")
		if err != nil {
			return false, nil
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK, nil
	})
	if err != nil {
		return fmt.Errorf("%w\nthe end of its log:\n%s", err, tail(d.log))
	}
	return nil
}

// kill ends a daemon as a power cut would.
func (d *daemon) kill() {
	d.command.Process.Kill()
	<-d.ended
}

// stop asks every daemon to end, waits, and kills what is left.
func (f *fleet) stop() error {
	var problems []error
	for _, d := range append(f.edges, f.origin) {
		if d == nil || d.command == nil || d.command.Process == nil {
			continue
		}
		d.command.Process.Signal(syscall.SIGTERM)
		select {
		case <-d.ended:
		case <-time.After(stopLimit):
			d.kill()
			problems = append(problems, fmt.Errorf("%s did not stop within %v of SIGTERM", d.machine.name, stopLimit))
		}
	}
	f.client.Close()
	return errors.Join(problems...)
}

// poll calls done now and then until it is, or limit has passed.
func poll(ctx context.Context, limit time.Duration, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %v in vain for %s", limit, what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tail returns the last lines of a log.
func tail(path string) []byte {
	text, _ := os.ReadFile(path)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-12):], []byte("\n"))
}
