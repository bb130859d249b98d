//go:build !client

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fanfare/internal/progress"
	"fanfare/testbed/netns"
	"fanfare/testbed/report"
	"fanfare/testbed/scenario"
	"fanfare/testbed/scenario/play"
)

// errExpectations ends a run whose output has said already what did not hold.
var errExpectations = errors.New("an expectation did not hold: see above")

func newTestbed() *cobra.Command {
	c := &cobra.Command{
		Use:     "testbed",
		GroupID: "try",
		Short:   testbedShort,
		Args:    unknownCommand,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newTestbedRun(), newSimulate(), newSoak(), newCompare(), newConfine(), newServe(), newFetch())
	return c
}

func newTestbedRun() *cobra.Command {
	var (
		options play.Options
		asJSON  bool
		html    string
		seed    uint64
	)
	c := &cobra.Command{
		Use:   "run FILE...",
		Short: "Run scenarios: networks, faults, a timeline, and what must hold in the end",
		Long: `Run carries out scenario files, one after the other: real fanfare processes in network
namespaces (as root, or in a user namespace), or with --sim the engines in simulated time. The
folder testbed/scenarios has some that read like documentation.

Exit status: 0 all expectations held, 1 one did not, 2 a file is not a scenario.`,
		Example: `  fanfare testbed run testbed/scenarios/*.yaml
  fanfare testbed run --sim --report out.html testbed/scenarios/satellite.yaml`,
		Args: arguments(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, files []string) error {
			scenarios, err := loadScenarios(files, seed)
			if err != nil {
				return err
			}
			if options.Binary, err = os.Executable(); err != nil {
				return err
			}
			if !options.Simulate {
				if err := netns.Enter(); err != nil && !errors.Is(err, netns.ErrNotAllowed) {
					return err
				}
			}
			options.Board = progress.New(os.Stderr)
			return finishRun(c, runScenarios(c.Context(), scenarios, options), asJSON, html)
		},
	}
	c.Flags().BoolVar(&options.Simulate, "sim", false, "run the engines in simulated time instead of real processes")
	c.Flags().BoolVar(&asJSON, "json", false, "print the results as JSON and nothing else")
	c.Flags().StringVar(&html, "report", "", "write a page with plots to this `file`")
	c.Flags().StringVar(&options.Dir, "keep", "", "keep the daemons' directories and logs below this `directory`")
	c.Flags().Uint64Var(&seed, "seed", 0, "another seed than the files'")
	return c
}

// loadScenarios reads all files before anything is run.
func loadScenarios(files []string, seed uint64) ([]*scenario.Scenario, error) {
	var list []*scenario.Scenario
	for _, file := range files {
		s, err := scenario.Load(file)
		if err != nil {
			return nil, usageError{err}
		}
		if seed != 0 {
			s.Seed = seed
		}
		list = append(list, s)
	}
	return list, nil
}

// runScenarios runs scenarios one after the other.
func runScenarios(ctx context.Context, scenarios []*scenario.Scenario, o play.Options) *report.Run {
	all := &report.Run{Started: time.Now()}
	for _, s := range scenarios {
		if ctx.Err() != nil {
			break
		}
		r := play.Scenario(ctx, s, o)
		all.Results = append(all.Results, *r)
		fmt.Fprintf(os.Stderr, "%s: %s in %s\n", r.Name, strings.TrimSpace(string(r.Verdict)+" "+r.Reason), progress.Took(time.Duration(r.Elapsed*float64(time.Second))))
	}
	all.Seconds = time.Since(all.Started).Seconds()
	return all
}

// finishRun writes what was asked for and turns the verdict into the exit status.
func finishRun(c *cobra.Command, result *report.Run, asJSON bool, html string) error {
	show := func() error { return result.Print(c.OutOrStdout()) }
	if asJSON {
		show = func() error { return printJSON(c.OutOrStdout(), result) }
	}
	if err := show(); err != nil {
		return err
	}
	if html != "" {
		if err := writePage(html, result.WriteHTML); err != nil {
			return err
		}
	}
	switch {
	case c.Context().Err() != nil:
		return c.Context().Err()
	case result.Verdict() == report.Failed:
		return errExpectations
	}
	return nil
}

// writePage writes a page to a file.
func writePage(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// newConfine is for the testbed itself.
func newConfine() *cobra.Command {
	return &cobra.Command{
		Use:                play.ConfineCommand + " DIR BYTES COMMAND...",
		Hidden:             true,
		DisableFlagParsing: true,
		Args:               arguments(cobra.MinimumNArgs(3)),
		RunE: func(_ *cobra.Command, words []string) error {
			bytes, err := strconv.ParseInt(words[1], 10, 64)
			if err != nil {
				return usagef("%q is not a number of bytes", words[1])
			}
			return fmt.Errorf("confine: %w", play.Confine(words[0], bytes, words[2:]))
		},
	}
}
