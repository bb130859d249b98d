// Package demo shows the whole of Fanfare on one machine: real daemons, real multicast,
// real loss. It publishes a tree of files, reads every byte back over HTTP from every edge,
// kills an edge in the middle of a second publication, purges a tag, and measures what
// plain HTTP takes for the same.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"fanfare/control"
	"fanfare/internal/progress"
	"fanfare/internal/tree"
)

// Config is what the demo is asked to show.
type Config struct {
	// Edges is how many edges there are, 1 to 64.
	Edges int
	// Loss is the share of packets that each link loses, independently and in both
	// directions, 0 to 0.5.
	Loss float64
	// Path is a file or a directory to publish; empty for a part of the Go tree.
	Path string
	// Rate is what the origin sends at most, as in `fanfare origin init --rate`.
	Rate string
	// Keep leaves everything running at the end, until the context is done.
	Keep bool
	// JSON prints the report as JSON, and nothing else.
	JSON bool
	// Binary is the fanfare command.
	Binary string
	Out    io.Writer
}

// Validate returns an error that says what is wrong with c.
func (c Config) Validate() error {
	switch {
	case c.Edges < 1 || c.Edges > 64:
		return fmt.Errorf("%d edges: the demo shows 1 to 64", c.Edges)
	case !(c.Loss >= 0 && c.Loss <= 0.5):
		return fmt.Errorf("a loss of %g %%: the demo shows 0 to 50 %%", 100*c.Loss)
	}
	return nil
}

// ErrFailed is returned when something was not as it must be; the report says what.
var ErrFailed = errors.New("the demo failed: see above")

// show is one run of the demo.
type show struct {
	config Config
	fleet  *fleet
	place  *place
	files  []tree.File
	paths  []string // of the files' URLs
	dir    string
	report Report
	board  *progress.Board
}

// Run runs the demo. It cleans up after itself, whatever happens.
func Run(ctx context.Context, c Config) (err error) {
	if err := c.Validate(); err != nil {
		return err
	}
	s := &show{config: c, board: progress.New(os.Stderr)}
	s.report.Edges, s.report.Loss, s.report.Problems = c.Edges, c.Loss, []string{}
	if err := s.find(); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "fanfare-demo-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	if s.place, err = open(c); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.place.close()) }()
	s.report.Where = s.place.about
	s.say("Where: %s.", s.place.about)
	s.fleet, err = startFleet(ctx, s.place, c.Binary, s.dir, c.Rate)
	if s.fleet != nil {
		defer func() { err = errors.Join(err, s.fleet.stop()) }()
	}
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{s.publish, s.verify, s.pull, s.killAndResume, s.purge} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return s.finish(ctx)
}

// finish prints the report and, if asked to, keeps everything running.
func (s *show) finish(ctx context.Context) error {
	if s.config.JSON {
		encoder := json.NewEncoder(s.config.Out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(s.report); err != nil {
			return err
		}
	} else {
		s.report.print(s.config.Out)
	}
	if s.config.Keep {
		if err := s.keep(ctx); err != nil {
			return err
		}
	}
	if len(s.report.Problems) > 0 {
		return ErrFailed
	}
	return nil
}

// keep publishes the files once more, since all were purged, says how to look around, and waits.
func (s *show) keep(ctx context.Context) error {
	result, err := s.send(ctx, s.files, "/")
	if err != nil {
		return err
	}
	if _, err := s.await(ctx, result.Sequences); err != nil {
		return err
	}
	s.say("\nKept running, with the files published again, until you press Ctrl-C.")
	s.say("  origin: fanfare status --dir %s", filepath.Join(s.dir, "origin"))
	for i, edge := range s.fleet.edges {
		s.say("  %s: %scurl -i http://%s%s", edge.Name, s.place.edges[i].shell, edge.Address, s.paths[0])
	}
	<-ctx.Done()
	return nil
}

// say prints a line for people.
func (s *show) say(format string, arguments ...any) {
	if !s.config.JSON {
		fmt.Fprintf(s.config.Out, format+"\n", arguments...)
	}
}

// find collects the files and works out their URLs.
func (s *show) find() error {
	root := s.config.Path
	if root == "" {
		var err error
		if root, err = goTree(); err != nil {
			return err
		}
	}
	files, err := tree.Collect([]string{root}, func(string) {})
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("there is no file in %s", root)
	}
	for _, f := range files {
		key, err := control.FileKey("", "/", f.Name)
		if err != nil {
			return err
		}
		s.paths = append(s.paths, key.Path)
		s.report.Bytes += f.Size
	}
	s.files, s.report.Files, s.config.Path = files, len(files), root
	s.say("What: %s, %d files, %s.", root, len(files), progress.Bytes(s.report.Bytes))
	return nil
}

// goTree returns the directory of the Go tool chain's own commands' sources: some thousand
// files that every machine has on which this could be built.
func goTree() (string, error) {
	const hint = "name a file or a directory to publish: fanfare demo PATH"
	output, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("cannot ask Go where its sources are (%w): %s", err, hint)
	}
	root := filepath.Join(strings.TrimSpace(string(output)), "src", "cmd")
	if _, err := os.Stat(root); err != nil {
		return "", fmt.Errorf("%w: %s", err, hint)
	}
	return root, nil
}

// since returns the seconds since start.
func since(start time.Time) float64 { return time.Since(start).Seconds() }
