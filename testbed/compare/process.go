package compare

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/testbed/netns"
)

// termination is how long a program may take to end when it is asked to.
const termination = 3 * time.Second

// process is one program of a run.
type process struct {
	name    string
	edge    bool // it belongs to an edge, not to the origin
	command *exec.Cmd
	log     string  // path of what it said
	before  float64 // seconds of processor time that it is not charged

	done  chan struct{} // closed when it has ended; then these are set
	ended time.Time
	err   error
}

// launch starts a program in a host. What stdin and stdout leave open goes to its log.
func launch(host *netns.Host, log string, command *exec.Cmd) (*process, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if command.Stdout == nil {
		command.Stdout = file
	}
	command.Stderr = file
	p := &process{name: host.Name + " " + command.Args[0], edge: host.Name != "origin", command: command, log: log, done: make(chan struct{})}
	if err := host.Start(command); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", p.name, err)
	}
	go func() {
		p.err = command.Wait()
		p.ended = time.Now()
		close(p.done)
	}()
	return p, nil
}

// running reports whether the program has not ended yet.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// used is the processor time that it has used so far, user and system, in seconds.
func (p *process) used() float64 {
	if p.running() {
		// The kernel's clock of another process's processor time: see clock_getcpuclockid(3).
		const scheduled = 2
		var t unix.Timespec
		if err := unix.ClockGettime(int32(^p.command.Process.Pid<<3|scheduled), &t); err == nil {
			return float64(t.Nano()) / 1e9
		}
		<-p.done // it has ended just now
	}
	state := p.command.ProcessState
	return (state.UserTime() + state.SystemTime()).Seconds()
}

// stop ends the program, by force if need be.
func (p *process) stop() {
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		_ = p.command.Process.Signal(signal) // fails only for one that has ended
		select {
		case <-p.done:
			return
		case <-time.After(termination):
		}
	}
	<-p.done
}

// lastWords are the last lines that it said, on one line.
func (p *process) lastWords() string {
	text, _ := os.ReadFile(p.log)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	last := string(bytes.Join(lines[max(0, len(lines)-2):], []byte(" / ")))
	if len(last) > 300 {
		last = "..." + strings.ToValidUTF8(last[len(last)-300:], "")
	}
	return last
}
