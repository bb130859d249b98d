package compare

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/internal/progress"
	"fanfare/internal/session"
	"fanfare/testbed/report"
)

// Run compares. It returns what it has measured also with an error, as when the context is done.
func Run(ctx context.Context, c Config) (result *report.Comparison, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if len(c.Works) == 0 {
		c.Works = Works
	}
	if len(c.Systems) == 0 {
		c.Systems = Systems()
	}
	dir, err := os.MkdirTemp(place(c.Dir), "fanfare-compare-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	restore, notes := raiseLimits()
	defer restore()

	result = &report.Comparison{
		Started: time.Now(), Machine: machine(), Bed: bed(&c), Edges: c.Edges, Rounds: c.Rounds, Losses: c.Losses,
		Notes: append(notes, "files are in "+place(c.Dir)),
	}
	defer func() { result.Seconds = time.Since(result.Started).Seconds() }()
	var works []*work
	for _, name := range c.Works {
		w, err := newWork(dir, name, &c)
		if err != nil {
			return result, err
		}
		works, result.Works = append(works, w), append(result.Works, w.Work)
	}
	for _, name := range c.Systems {
		s := newSystem(name).describe(&c)
		if result.Systems = append(result.Systems, s); s.Missing != "" {
			c.tell("%s is missing: %s", name, s.Missing)
		}
	}
	return result, rounds(ctx, &c, dir, works, result)
}

// rounds runs everything, round by round.
func rounds(ctx context.Context, c *Config, dir string, works []*work, result *report.Comparison) error {
	for round := range c.Rounds {
		for _, w := range works {
			for _, loss := range c.Losses {
				for _, s := range result.Systems {
					if s.Missing != "" {
						continue
					}
					t, err := measure(ctx, c, dir, newSystem(s.Name), w, loss)
					if err != nil {
						return err
					}
					cell := result.Cell(w.Name, loss, s.Name)
					if cell == nil {
						result.Cells = append(result.Cells, report.Cell{Work: w.Name, Loss: loss, System: s.Name})
						cell = &result.Cells[len(result.Cells)-1]
					}
					cell.Runs = append(cell.Runs, t)
					c.tell("round %d/%d  %-7s %4.3g %% loss  %-9s %s", round+1, c.Rounds, w.Name, 100*loss, s.Name, outcome(t))
				}
			}
		}
	}
	return nil
}

func (c *Config) tell(format string, arguments ...any) {
	if c.Tell != nil {
		c.Tell(fmt.Sprintf(format, arguments...))
	}
}

func outcome(t report.Transfer) string {
	if !t.OK {
		return "FAILED: " + t.Reason
	}
	return progress.Took(time.Duration(t.Seconds * float64(time.Second)))
}

// machine says what this runs on.
func machine() string {
	var name unix.Utsname
	kernel := "unknown"
	if err := unix.Uname(&name); err == nil {
		kernel = unix.ByteSliceToString(name.Release[:])
	}
	text, _ := os.ReadFile("/proc/cpuinfo")
	model := runtime.GOARCH
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%d processors (%s), Linux %s", runtime.NumCPU(), model, kernel)
}

// bed says what it runs over.
func bed(c *Config) string {
	link, offloads := "links as fast as the machine", "off: a packet crosses a link as a packet"
	if c.LinkRate > 0 {
		link = "the origin's link limited to " + session.Rate(c.LinkRate).String()
	}
	if c.Offloads {
		offloads = "on: several packets may cross a link, count and be lost as one"
	}
	text := fmt.Sprintf("network namespaces: 1 origin, %d edges, one switch; %s; segmentation offloads %s", c.Edges, link, offloads)
	if c.FeedbackLoss > 0 {
		text += fmt.Sprintf("; %.3g %% loss on the way back", 100*c.FeedbackLoss)
	}
	return text
}
