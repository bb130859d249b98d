package play

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"fanfare/internal/api"
	"fanfare/testbed/daemon"
	"fanfare/testbed/netns"
	"fanfare/testbed/scenario"
)

// realBed is real processes in network namespaces.
type realBed struct {
	s       *scenario.Scenario
	dir     string
	scratch bool // dir is to be removed
	binary  string
	network *network
	client  *api.Client
	origin  *process
	edges   []*process
	began   time.Time
	// watching ends the goroutines that follow publications and purged keys.
	watching context.Context
	cancel   context.CancelFunc
	group    sync.WaitGroup
	ledger   *ledger
	follow   []*follower
	sentry   []*sentry
	counters counters
	disks    map[string]*disk
}

// newRealBed makes the namespaces.
func newRealBed(s *scenario.Scenario, o Options, x *execution) (bed, error) {
	b := &realBed{s: s, dir: o.Dir, binary: o.Binary, ledger: x.ledger, disks: map[string]*disk{}}
	var err error
	if b.network, err = openNetwork(s); err != nil {
		if errors.Is(err, netns.ErrNotAllowed) {
			err = fmt.Errorf("%w: %w", errNotHere, err)
		}
		return nil, err
	}
	if b.dir == "" {
		// The path of the origin's socket must be short, so not too deep a directory.
		if b.dir, err = os.MkdirTemp("", "ff-"); err != nil {
			return nil, errors.Join(err, b.network.close())
		}
		b.scratch = true
	} else if b.dir, err = filepath.Abs(filepath.Join(o.Dir, s.Name)); err != nil {
		return nil, errors.Join(err, b.network.close())
	}
	b.watching, b.cancel = context.WithCancel(context.Background())
	b.counters.edges = make([]edgeCounters, len(s.Topology.Edges))
	return b, nil
}

func (b *realBed) where() string {
	family := "IPv4"
	if b.s.Session.IPv6 {
		family = "IPv6"
	}
	if b.s.Session.SourceSpecific {
		family += ", source-specific"
	}
	words := fmt.Sprintf("network namespaces: 1 origin, %d edges", len(b.s.Topology.Edges))
	for _, part := range []struct {
		n    int
		what string
	}{{len(b.s.Topology.Switches), "switch"}, {len(b.s.Topology.Routers), "router"}} {
		switch {
		case part.n == 1:
			words += ", 1 " + part.what
		case part.n > 1:
			words += fmt.Sprintf(", %d %ss", part.n, strings.Replace(part.what, "switch", "switche", 1))
		}
	}
	return words + "; real processes, " + family
}

// initialize makes the origin's directory.
func (b *realBed) initialize(ctx context.Context) error {
	s := &b.s.Session
	group, own := "239.255.71.1:7071", b.network.origin.Addr4
	switch {
	case s.IPv6 && s.SourceSpecific:
		group, own = "[ff35::4:77]:7071", b.network.origin.Addr6
	case s.IPv6:
		group, own = "[ff15::71:1]:7071", b.network.origin.Addr6
	case s.SourceSpecific:
		group = "232.71.1.1:7071"
	}
	args := []string{"origin", "init", "--dir", b.originDir(), "--group", group,
		"--interface", b.network.origin.Interface, "--rate", s.Rate.String(), "--mtu", strconv.Itoa(s.MTU),
		"--ttl", strconv.Itoa(1 + len(b.s.Topology.Routers)), "--advertise", net.JoinHostPort(own.String(), "7700")}
	if s.OneWay() {
		args = append(args, "--one-way", "--proactive", s.Proactive.String())
	}
	if s.SourceSpecific {
		args = append(args, "--source", own.String())
	}
	var output bytes.Buffer
	command := exec.CommandContext(ctx, b.binary, args...)
	command.Stdout, command.Stderr = &output, &output
	if err := b.network.origin.Start(command); err != nil {
		return err
	}
	if err := command.Wait(); err != nil {
		return fmt.Errorf("fanfare origin init: %w\n%s", err, output.Bytes())
	}
	b.origin = b.newProcess(scenario.Origin, b.network.origin, net.JoinHostPort(own.String(), "7700"), nil,
		"origin", "--dir", b.originDir())
	b.client = api.NewUnix(b.originDir())
	return nil
}

func (b *realBed) originDir() string { return filepath.Join(b.dir, "origin") }

// start starts the origin and all edges that are there from the beginning.
func (b *realBed) start(ctx context.Context) error {
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	if err := b.initialize(ctx); err != nil {
		return err
	}
	if err := b.origin.Start(); err != nil {
		return err
	}
	if err := b.origin.Ready(ctx); err != nil {
		return err
	}
	late := map[string]bool{}
	for _, step := range b.s.Timeline {
		for _, name := range step.Join {
			late[name] = true
		}
	}
	started := 0
	for i, e := range b.s.Topology.Edges {
		p, err := b.newEdge(i, e)
		if err != nil {
			return err
		}
		b.edges = append(b.edges, p)
		if late[e.Name] {
			continue
		}
		if err := p.Start(); err != nil {
			return err
		}
		started++
	}
	for _, p := range b.edges {
		if !late[p.Name] {
			if err := p.Ready(ctx); err != nil {
				return err
			}
		}
	}
	if !b.s.Session.OneWay() {
		if err := b.heard(ctx, started); err != nil {
			return err
		}
	}
	for i := range b.edges {
		b.watch(i)
	}
	b.began = time.Now()
	return nil
}

// process is a daemon on a host.
type process struct {
	*daemon.Process
	host *netns.Host
}

// newProcess prepares a daemon. confine, if not nil, changes its command such that it sees its own
// disk.
func (b *realBed) newProcess(name string, host *netns.Host, address string, confine func(*exec.Cmd), args ...string) *process {
	command := func() (*exec.Cmd, error) {
		c := exec.Command(b.binary, args...)
		if confine != nil {
			confine(c)
		}
		return c, nil
	}
	return &process{host: host, Process: &daemon.Process{
		Name: name, Machine: host, Command: command, Address: address, Log: filepath.Join(b.dir, name+".log"),
	}}
}

// newEdge prepares the process of an edge.
func (b *realBed) newEdge(i int, e scenario.Edge) (*process, error) {
	host, dir := b.network.edges[i], filepath.Join(b.dir, e.Name)
	var confine func(*exec.Cmd)
	if e.Disk != 0 {
		d, err := newDisk(dir, int64(e.Disk))
		if err != nil {
			return nil, err
		}
		b.disks[e.Name] = d
		confine = d.confine
	}
	http := net.JoinHostPort(address(host).String(), "8080")
	return b.newProcess(e.Name, host, http, confine, "edge", "--session", filepath.Join(b.originDir(), "session.ff"), "--dir", dir,
		"--interface", host.Interface, "--http", http, "--name", e.Name), nil
}

// heard waits until the origin has heard that many edges, so that it expects all of them.
func (b *realBed) heard(ctx context.Context, n int) error {
	deadline := time.Now().Add(daemon.StartLimit)
	for {
		status, err := b.client.Status(ctx)
		if err == nil && len(status.Edges) >= n {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("it heard %d", len(status.Edges))
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v in vain for the origin to hear %d edges: %w", daemon.StartLimit, n, err)
		}
		if err := b.sleep(ctx, daemon.PollEvery); err != nil {
			return err
		}
	}
}

func (b *realBed) now() time.Duration {
	if b.began.IsZero() {
		return 0
	}
	return time.Since(b.began)
}

func (b *realBed) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (b *realBed) during(do func() error, tick func()) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(tickEvery):
			tick()
		}
	}
}

func (b *realBed) process(name string) *process {
	for _, p := range b.edges {
		if p.Name == name {
			return p
		}
	}
	return b.origin
}

func (b *realBed) power(ctx context.Context, name string, what power) error {
	p := b.process(name)
	switch what {
	case powerKill:
		p.Kill()
		return nil
	case powerStop:
		return p.Stop()
	}
	if err := p.Start(); err != nil {
		return err
	}
	if name == scenario.Origin {
		return p.Ready(ctx)
	}
	return p.Answers(ctx) // it may be cut off, or the origin away, and then it is not ready
}

func (b *realBed) pause(ctx context.Context, name string, d time.Duration) error {
	return b.process(name).Pause(ctx, d)
}

func (b *realBed) plug(name string, in bool) error {
	return b.network.plug(b.process(name).host, in)
}

func (b *realBed) setLink(edge string, down, up scenario.Faults) error {
	for i, p := range b.edges {
		if p.Name == edge || edge == scenario.All {
			if err := b.network.set(i, down, up); err != nil {
				return err
			}
		}
	}
	return nil
}

// clockJump is not possible: no namespace has a wall clock of its own.
func (b *realBed) clockJump(string, time.Duration) error {
	return fmt.Errorf("%w: the wall clock belongs to the whole machine, no namespace has its own; the simulator does it", errNotHere)
}

// close ends everything.
func (b *realBed) close() error {
	b.cancel()
	var errs []error
	for _, p := range append(b.edges, b.origin) {
		if p != nil {
			errs = append(errs, p.Stop())
		}
	}
	b.group.Wait()
	errs = append(errs, b.network.close())
	if b.scratch {
		errs = append(errs, os.RemoveAll(b.dir))
	}
	return errors.Join(errs...)
}
