package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"fanfare/testbed/netns"
	"fanfare/testbed/report"
)

const (
	settling = 400 * time.Millisecond // for receivers to have joined their groups
	trailing = 15 * time.Second       // for a publishing command to end after its work is done
	grace    = 2 * time.Second        // for files to appear when all programs have ended
	// stalled ends a run in which less than stallBytes left the origin for so long.
	stalled    = 8 * time.Second
	stallBytes = 20_000
	// memoryCopies is how many times the files are in memory besides once for each edge: as they are,
	// and at the origin.
	memoryCopies = 2
)

// run is one system doing one work once.
type run struct {
	config    *Config
	work      *work
	loss      float64
	dir       string // of its own
	bed       *netns.Bed
	processes []*process
	commands  []*process // of processes, those that publish started
	next      []int      // for intoFiles, by edge
}

// folder is the directory that an edge's files are to be in.
func (r *run) folder(edge int) string { return filepath.Join(r.dir, fmt.Sprintf("edge-%d", edge+1)) }

// atEdge starts a program at an edge.
func (r *run) atEdge(edge int, command *exec.Cmd) (*process, error) {
	return r.start(r.bed.Edges[edge], command)
}

// atOrigin starts a publishing command at the origin.
func (r *run) atOrigin(command *exec.Cmd) error {
	p, err := r.start(r.bed.Origin, command)
	if err == nil {
		r.commands = append(r.commands, p)
	}
	return err
}

func (r *run) start(host *netns.Host, command *exec.Cmd) (*process, error) {
	log := filepath.Join(r.dir, fmt.Sprintf("log-%d", len(r.processes)))
	p, err := launch(host, log, command)
	if err == nil {
		r.processes = append(r.processes, p)
	}
	return p, err
}

// measure runs a system once. An error means that there can be no bed; what goes wrong
// with the system itself is in the result.
func measure(ctx context.Context, c *Config, dir string, s system, w *work, loss float64) (t report.Transfer, err error) {
	r := &run{config: c, work: w, loss: loss, dir: filepath.Join(dir, "run"), next: make([]int, c.Edges)}
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		return t, err
	}
	defer os.RemoveAll(r.dir)
	for i := range c.Edges {
		if err := os.Mkdir(r.folder(i), 0o755); err != nil {
			return t, err
		}
	}
	r.bed, err = netns.Open(netns.Config{Edges: c.Edges, Loss: loss, FeedbackLoss: c.FeedbackLoss, LoseTCP: true, Offloads: c.Offloads})
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, r.bed.Close()) }()
	if c.LinkRate > 0 {
		if err := shape(r.bed.Origin, c.LinkRate); err != nil {
			return t, err
		}
	}
	defer r.stop()
	if err := r.transfer(ctx, s, &t); err != nil {
		t.OK, t.Reason = false, err.Error()
	} else {
		t.OK = true
	}
	return t, ctx.Err()
}

// stop ends every program.
func (r *run) stop() {
	var group errgroup.Group
	for _, p := range r.processes {
		group.Go(func() error { p.stop(); return nil })
	}
	_ = group.Wait() // they return none
}

// transfer does the work and measures it.
func (r *run) transfer(ctx context.Context, s system, t *report.Transfer) error {
	ctx, cancel := context.WithTimeout(ctx, r.config.Limit)
	defer cancel()
	if err := s.prepare(ctx, r); err != nil {
		return err
	}
	if err := warm(r.work.Bytes * int64(r.config.Edges+memoryCopies)); err != nil {
		return err
	}
	time.Sleep(settling)
	wire, feedback, err := r.traffic()
	if err != nil {
		return err
	}
	for _, p := range r.processes {
		p.before = p.used()
	}
	start := time.Now()
	if err := s.publish(r); err != nil {
		return err
	}
	end, err := r.await(ctx, s, wire)
	if err != nil {
		return err
	}
	t.Seconds = end.Sub(start).Seconds()
	r.trail(ctx)
	wireAfter, feedbackAfter, err := r.traffic()
	if err != nil {
		return err
	}
	t.WireBytes, t.FeedbackBytes = wireAfter-wire, feedbackAfter-feedback
	for _, p := range r.processes {
		if p.edge {
			t.EdgeCPU += (p.used() - p.before) / float64(r.config.Edges)
		} else {
			t.OriginCPU += p.used() - p.before
		}
	}
	var group errgroup.Group
	group.SetLimit(4)
	for i, host := range r.bed.Edges {
		group.Go(func() error {
			if err := s.verify(r, i); err != nil {
				return fmt.Errorf("%s: %w", host.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// traffic is how many bytes have left the origin, and all edges together.
func (r *run) traffic() (wire, feedback uint64, err error) {
	if wire, err = r.bed.Origin.TxBytes(); err != nil {
		return 0, 0, err
	}
	for _, host := range r.bed.Edges {
		n, err := host.TxBytes()
		if err != nil {
			return 0, 0, err
		}
		feedback += n
	}
	return wire, feedback, nil
}

// await waits until everything is at every edge and returns when that was, or why it
// will not be.
func (r *run) await(ctx context.Context, s system, wire uint64) (time.Time, error) {
	pause := unix.NsecToTimespec(int64(2 * time.Millisecond))
	if r.work.Latency {
		pause = unix.NsecToTimespec(int64(200 * time.Microsecond))
	}
	edge, moved := 0, time.Now()
	var dead time.Time
	for checked := moved; ; {
		for edge < len(r.bed.Edges) && s.arrived(r, edge) {
			edge++
		}
		now := time.Now()
		if edge == len(r.bed.Edges) {
			return now, nil
		}
		if err := ctx.Err(); err != nil {
			return now, fmt.Errorf("not done within %v", r.config.Limit)
		}
		switch hopeless := r.hopeless(); {
		case hopeless == "":
			dead = time.Time{}
		case dead.IsZero():
			dead = now
		case now.Sub(dead) > grace:
			return now, errors.New(hopeless)
		}
		if now.Sub(checked) > time.Second {
			checked = now
			sent, err := r.bed.Origin.TxBytes()
			if err != nil {
				return now, err
			}
			if sent > wire+stallBytes {
				wire, moved = sent, now
			}
			if now.Sub(moved) > stalled {
				return now, fmt.Errorf("stalled: nothing left the origin for %v", stalled)
			}
		}
		// Go's own timers may be a millisecond late.
		_ = unix.Nanosleep(&pause, nil) // cut short by a signal, it is only sooner
	}
}

// hopeless says why nothing more can arrive, if so.
func (r *run) hopeless() string {
	receiving := false
	for _, p := range r.processes {
		receiving = receiving || p.edge && p.running()
	}
	if !receiving {
		return "every receiver ended before it had all: " + r.words(true)
	}
	for _, p := range r.commands {
		if p.running() {
			return ""
		}
	}
	if len(r.commands) == 0 {
		return ""
	}
	return "the sender ended before every edge had all: " + r.words(false)
}

// words are the last words of programs that ended with an error.
func (r *run) words(edge bool) string {
	var said []string
	for _, p := range r.processes {
		if p.edge == edge && !p.running() && len(said) < 2 {
			said = append(said, fmt.Sprintf("%s (%v): %s", p.name, p.command.ProcessState, p.lastWords()))
		}
	}
	return strings.Join(said, "; ")
}

// trail lets publishing commands end by themselves, as what they still send counts.
func (r *run) trail(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, trailing)
	defer cancel()
	for _, p := range r.commands {
		select {
		case <-p.done:
		case <-ctx.Done():
			return
		}
	}
}

// wanting says which of a package's commands are not in PATH, and how to get them.
func wanting(pack string, commands ...string) string {
	for _, command := range commands {
		if _, err := exec.LookPath(command); err != nil {
			return fmt.Sprintf("there is no command %s in PATH: apt-get install %s", command, pack)
		}
	}
	return ""
}

// rateText says a rate for people.
func rateText(rate uint64) string {
	if rate == 0 {
		return "as fast as it can"
	}
	return fmt.Sprintf("at %.4g Mb/s", float64(rate)/1e6)
}
