//go:build !client

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"fanfare/internal/progress"
	"fanfare/testbed/netns"
	"fanfare/testbed/report"
	"fanfare/testbed/scenario"
	"fanfare/testbed/scenario/play"
)

// errSoak ends a soak that found something; its output says what and how to repeat it.
var errSoak = errors.New("the soak found something: see above")

// soak is a series of random scenarios.
type soak struct {
	options  play.Options
	seed     uint64
	duration time.Duration
	dir      string
	keepOn   bool
}

func newSoak() *cobra.Command {
	p := &soak{}
	c := &cobra.Command{
		Use:   "soak",
		Short: "Run random scenarios until a time is over, or one fails",
		Long: `Soak draws scenarios from seeds, one after the other: topology, faults on the links,
publications, purges, machines killed and cut off and back again. At the end of each it
checks what must always hold: all bytes equal at every edge, catalogue digests equal, nothing
served that was purged. Of one that fails it keeps the scenario file, so that a failure is one command
to repeat.`,
		Example: `  fanfare testbed soak --duration 1h
  fanfare testbed soak --sim --seed 7 --duration 2m`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if p.duration <= 0 {
				return usagef("--duration %v is no time", p.duration)
			}
			if p.options.Binary, err = os.Executable(); err != nil {
				return err
			}
			if !p.options.Simulate {
				if err := netns.Enter(); err != nil {
					return err
				}
			}
			if p.seed == 0 {
				p.seed = uint64(rand.Uint32())
			}
			return p.run(c.Context(), c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&p.options.Simulate, "sim", false, "run the engines in simulated time instead of real processes")
	c.Flags().Uint64Var(&p.seed, "seed", 0, "the first `seed`; those after it follow (default: a random one)")
	c.Flags().DurationVar(&p.duration, "duration", 2*time.Minute, "how long to go on beginning new scenarios")
	c.Flags().StringVar(&p.dir, "out", ".", "`directory` for the files of scenarios that fail")
	c.Flags().BoolVar(&p.keepOn, "keep-going", false, "go on after a failure")
	return c
}

// run runs scenarios until the time is over.
func (p *soak) run(ctx context.Context, out io.Writer) error {
	bed, quiet := scenario.InNamespaces, 0
	if p.options.Simulate {
		bed, quiet = scenario.InSimulation, 100 // they take milliseconds each
	}
	fmt.Fprintf(out, "seed %d, %v, %s\n", p.seed, p.duration, bed)
	began, failures, seed := time.Now(), 0, p.seed
	for ; time.Since(began) < p.duration && ctx.Err() == nil; seed++ {
		s := scenario.Random(seed, bed)
		r := play.Scenario(ctx, s, p.options)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case r.Verdict == report.Skipped:
			return errors.New(r.Reason)
		case r.Verdict == report.Failed:
			failures++
			if err := p.failed(out, s, r); err != nil {
				return err
			}
			if !p.keepOn {
				return errSoak
			}
		case quiet == 0 || (seed+1-p.seed)%uint64(quiet) == 0:
			fmt.Fprintf(out, "seed %d: held; %d steps, %d edges, %s, %s\n", seed, len(s.Timeline), len(s.Topology.Edges),
				progress.Bytes(r.Totals.PublishedBytes), progress.Took(time.Duration(r.Elapsed*float64(time.Second))))
		}
	}
	fmt.Fprintf(out, "%d scenarios, seeds %d to %d, %d failed, %s\n", seed-p.seed, p.seed, seed-1, failures, progress.Took(time.Since(began)))
	if failures > 0 {
		return errSoak
	}
	return ctx.Err()
}

// failed says what did not hold, and keeps the scenario.
func (p *soak) failed(out io.Writer, s *scenario.Scenario, r *report.Result) error {
	fmt.Fprintf(out, "seed %d: FAILED %s\n", s.Seed, r.Reason)
	for _, e := range r.Expectations {
		if e.Verdict != report.Failed {
			continue
		}
		fmt.Fprintf(out, "  %s: %s\n", e.Name, e.Got)
		for _, line := range e.Details {
			fmt.Fprintf(out, "    %s\n", line)
		}
	}
	path := filepath.Join(p.dir, s.Name+".yaml")
	if err := os.WriteFile(path, s.Format(), 0o644); err != nil {
		return err
	}
	how := ""
	if p.options.Simulate {
		how = " --sim"
	}
	fmt.Fprintf(out, "  again: fanfare testbed run%s %s\n", how, path)
	return nil
}
