package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"time"

	"fanfare/internal/api"
	"fanfare/testbed/daemon"
)

const (
	group = "239.255.70.70:7070"
	port  = "7071" // of the origin, for edges
)

// fleet is the demo's daemons: the same binary, run as an operator would.
type fleet struct {
	place  *place
	binary string
	dir    string
	client *api.Client
	origin *daemon.Process
	edges  []*daemon.Process
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
	f.origin = f.daemon(p.origin, advertise, "origin", "--dir", originDir)
	if err := f.origin.Start(); err != nil {
		return nil, err
	}
	if err := f.origin.Ready(ctx); err != nil {
		return f, err
	}
	for _, m := range p.edges {
		httpPort, err := freePort(m)
		if err != nil {
			return f, err
		}
		address := net.JoinHostPort(m.address, httpPort)
		edge := f.daemon(m, address, "edge", "--session", filepath.Join(originDir, "session.ff"), "--dir", filepath.Join(dir, m.name),
			"--interface", m.iface, "--http", address, "--name", m.name, "--inject-loss", fmt.Sprint(m.injectLoss))
		f.edges = append(f.edges, edge)
		if err := edge.Start(); err != nil {
			return f, err
		}
	}
	for _, edge := range f.edges {
		if err := edge.Ready(ctx); err != nil {
			return f, err
		}
	}
	return f, f.joined(ctx)
}

// daemon prepares a daemon on a machine.
func (f *fleet) daemon(m machine, http string, args ...string) *daemon.Process {
	return &daemon.Process{
		Name: m.name, Machine: m, Log: filepath.Join(f.dir, m.name+".log"), Address: http,
		Command: func() (*exec.Cmd, error) { return exec.Command(f.binary, args...), nil },
	}
}

// joined waits until the origin has heard every edge, so that it expects all of them.
func (f *fleet) joined(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, daemon.StartLimit)
	defer cancel()
	for {
		status, err := f.client.Status(ctx)
		if err != nil || len(status.Edges) == len(f.edges) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %v in vain for every edge to be heard by the origin", daemon.StartLimit)
		case <-time.After(daemon.PollEvery):
		}
	}
}

// run runs a command of the binary to its end.
func (f *fleet) run(m machine, args ...string) error {
	var output bytes.Buffer
	command := exec.Command(f.binary, args...)
	command.Stdout, command.Stderr = &output, &output
	if err := m.Start(command); err != nil {
		return err
	}
	if err := command.Wait(); err != nil {
		return fmt.Errorf("fanfare %s: %w\n%s", args[0], err, output.Bytes())
	}
	return nil
}

// stop asks every daemon to end, waits, and kills what is left.
func (f *fleet) stop() error {
	var problems []error
	for _, d := range append(f.edges, f.origin) {
		problems = append(problems, d.Stop())
	}
	return errors.Join(problems...)
}
