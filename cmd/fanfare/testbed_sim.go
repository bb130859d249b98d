//go:build !client

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"fanfare/internal/progress"
	"fanfare/internal/session"
	"fanfare/testbed/sim"
)

// simulation is what one `fanfare testbed sim` is asked to do.
type simulation struct {
	edges    []int
	losses   []string
	patterns []string
	size     bytesValue
	rate     string
	rtt      time.Duration
	seed     uint64

	grid, json, markdown bool
}

func newSimulate() *cobra.Command {
	p := &simulation{size: 10_000_000}
	c := &cobra.Command{
		Use:   "sim",
		Short: "Bring an object to up to 10,000 simulated edges and count what it took",
		Long: `Sim runs the real engines of origin and edges, and the real catalogue of each, in simulated
time: one object for many edges, without its bytes, since counting symbols is all that repair is
about. It compares what was sent with the least that any code with blocks of that length could do
with, if the origin knew at each moment what is missing. The same seed gives the same numbers.

With --grid it measures a grid of group sizes, losses and patterns of loss; docs/repair.md is
the output of: fanfare testbed sim --grid --markdown`,
		Example: `  fanfare testbed sim
  fanfare testbed sim --edges 4,8 --loss 0.1,1,5,10,20 --pattern independent,bursty,shared`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.run(c) },
	}
	f := c.Flags()
	f.IntSliceVar(&p.edges, "edges", []int{10, 100, 1000, 10_000}, "how many edges")
	f.StringSliceVar(&p.losses, "loss", []string{"1", "5"}, "`per cent` of the packets that are lost on the way to each edge")
	f.StringSliceVar(&p.patterns, "pattern", []string{string(sim.Independent)}, "how they are lost: independent, bursty or shared")
	f.Var(&p.size, "size", "length of the object")
	f.StringVar(&p.rate, "rate", "200mbit", "the origin's sending `rate`")
	f.DurationVar(&p.rtt, "rtt", 20*time.Millisecond, "round trip between origin and edges")
	f.Uint64Var(&p.seed, "seed", 1, "seed of all random numbers")
	f.BoolVar(&p.grid, "grid", false, "measure the grid of docs/repair.md")
	f.BoolVar(&p.json, "json", false, "print JSON instead of a table")
	f.BoolVar(&p.markdown, "markdown", false, "print the table as Markdown")
	c.MarkFlagsMutuallyExclusive("json", "markdown")
	for _, name := range []string{"edges", "loss", "pattern", "size"} {
		c.MarkFlagsMutuallyExclusive("grid", name)
	}
	return c
}

func (p *simulation) run(c *cobra.Command) error {
	trials, err := p.trials()
	if err != nil {
		return usageError{err}
	}
	outcomes, err := runTrials(c.Context(), trials)
	if len(outcomes) == 0 {
		return err
	}
	w := c.OutOrStdout()
	switch {
	case p.json:
		return errors.Join(err, printJSON(w, outcomes))
	case p.markdown && p.grid:
		return errors.Join(err, p.writePage(w, outcomes))
	case p.markdown:
		return errors.Join(err, writeMarkdown(w, outcomes))
	}
	return errors.Join(err, writeOutcomes(w, outcomes))
}

// trials returns what is to be run.
func (p *simulation) trials() ([]sim.Trial, error) {
	rate, err := session.ParseRate(p.rate)
	if err != nil {
		return nil, err
	}
	if p.rtt < 0 || p.rtt > 10*time.Second {
		return nil, fmt.Errorf("--rtt %v is not between 0 and 10s", p.rtt)
	}
	base := sim.Trial{Rate: uint64(rate), RTT: p.rtt, Seed: p.seed}
	if p.grid {
		return gridTrials(base), nil
	}
	if p.size < 1 || p.size > 10_000_000_000 {
		return nil, errors.New("--size is not between 1 byte and 10GB")
	}
	base.Bytes = uint64(p.size)
	var trials []sim.Trial
	for _, name := range p.patterns {
		base.Pattern = sim.Pattern(name)
		if !slices.Contains([]sim.Pattern{sim.Independent, sim.Bursty, sim.Shared}, base.Pattern) {
			return nil, fmt.Errorf("--pattern %q is not independent, bursty or shared", name)
		}
		for _, n := range p.edges {
			if n < 1 || n > 10_000 {
				return nil, fmt.Errorf("--edges %d is not between 1 and 10000", n)
			}
			for _, text := range p.losses {
				percent, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(text), "%"), 64)
				if err != nil || !(percent >= 0 && percent <= 60) {
					return nil, fmt.Errorf("--loss %q is not a list of per cents up to 60, such as 1,5", text)
				}
				base.Edges, base.Loss = n, percent/100
				trials = append(trials, base)
			}
		}
	}
	return trials, nil
}

// gridTrials returns those of docs/repair.md. Small groups get long objects, so that chance
// matters less; in large ones it does not matter much.
func gridTrials(base sim.Trial) (trials []sim.Trial) {
	for _, base.Pattern = range []sim.Pattern{sim.Independent, sim.Bursty, sim.Shared} {
		for _, base.Edges = range []int{1, 4, 8, 100, 1000, 10_000} {
			if base.Pattern != sim.Independent && base.Edges == 10_000 {
				continue
			}
			losses := []float64{0.001, 0.01, 0.05, 0.10, 0.20}
			if base.Pattern != sim.Independent {
				losses = losses[1:4]
			}
			for _, base.Loss = range losses {
				switch {
				case base.Edges <= 8:
					base.Bytes = 50_000_000
				case base.Edges <= 100:
					base.Bytes = 20_000_000
				case base.Edges <= 1000:
					base.Bytes = 5_000_000
				default:
					base.Bytes = 2_000_000
				}
				trials = append(trials, base)
			}
		}
	}
	return trials
}

// runTrials runs them one after the other and shows how far it is.
func runTrials(ctx context.Context, trials []sim.Trial) (outcomes []sim.Outcome, err error) {
	board := progress.New(os.Stderr)
	defer board.Close()
	for i, t := range trials {
		note := fmt.Sprintf("%d edges, %s loss, %s", t.Edges, percent(t.Loss), t.Pattern)
		tell := func(share float64) error {
			board.Set("simulating", int64(1000*(float64(i)+min(share, 1))), int64(1000*len(trials)), note)
			return ctx.Err()
		}
		if err := tell(0); err != nil {
			return outcomes, err
		}
		o, err := t.Run(tell)
		if err != nil {
			return outcomes, err
		}
		outcomes = append(outcomes, o)
	}
	board.Set("simulating", 1, 1, "done")
	return outcomes, nil
}

// outcomeColumns are the columns of every table of outcomes.
var outcomeColumns = []string{"edges", "loss", "pattern", "k", "size", "sent/source", "ideal", "over ideal", "NACKs", "feedback", "complete", "tail"}

// outcomeCells returns a row under outcomeColumns.
func outcomeCells(o *sim.Outcome) []string {
	return []string{
		strconv.Itoa(o.Edges), percent(o.Loss), string(o.Pattern), strconv.Itoa(o.MaxBlock), progress.Bytes(o.Bytes),
		fmt.Sprintf("%.4f", o.Ratio), fmt.Sprintf("%.4f", o.Ideal), fmt.Sprintf("%.4f", o.OverIdeal()),
		strconv.FormatUint(o.NACKs, 10), fmt.Sprintf("%.2f %%", 100*o.FeedbackShare),
		progress.Took(o.Complete), progress.Took(o.Tail),
	}
}

// percent writes a share for people.
func percent(share float64) string { return fmt.Sprintf("%.4g %%", 100*share) }

func writeOutcomes(w io.Writer, outcomes []sim.Outcome) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, strings.Join(outcomeColumns, "\t")+"\t")
	for i := range outcomes {
		fmt.Fprintln(t, strings.Join(outcomeCells(&outcomes[i]), "\t")+"\t")
	}
	return t.Flush()
}

func writeMarkdown(w io.Writer, outcomes []sim.Outcome) error {
	var text strings.Builder
	text.WriteString("| " + strings.Join(outcomeColumns, " | ") + " |\n|" + strings.Repeat("--:|", len(outcomeColumns)) + "\n")
	for i := range outcomes {
		text.WriteString("| " + strings.Join(outcomeCells(&outcomes[i]), " | ") + " |\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// repairPage is what stands above the tables of docs/repair.md.
const repairPage = `# What repair costs

Made by

    fanfare testbed sim --grid --markdown --rate %s --rtt %v --seed %d > docs/repair.md

The real engines of origin and edges run over simulated links, in simulated time, without
payload; the same command gives the same numbers. Feedback is not lost here. No proactive repair:
every repair symbol was asked for.

- **sent/source**: symbols sent, of either kind, for each source symbol.
- **ideal**: the least that an MDS code with blocks of k symbols can do with, if the sender knew at
  each moment what every edge has: 1 + (1/k) Σ_m (1 - F(m)^N), where F(m) is the chance that an edge
  needs at most m symbols more than k. It is an expectation, so a run of few losses may lie
  below it. For a loss near the origin, which all edges share, it is 1/(1-p). For bursts (%d packets
  long on average) there is no formula: there it is what had been sent of each block when the last
  edge had enough of it, so that only what nobody needed is above it.
- **over ideal**: the one over the other. The aim is at most 1.02, with bursts 1.05.
- **NACKs**: messages with NACKs that the origin received.
- **feedback**: bytes of all feedback, from publication to completion, over the bytes that the origin
  sent, headers included.
- **complete**: from publication until the last edge has all of it; **tail**: the part of that after
  the first pass.

`

// writePage writes docs/repair.md.
func (p *simulation) writePage(w io.Writer, outcomes []sim.Outcome) error {
	if _, err := fmt.Fprintf(w, repairPage, p.rate, p.rtt, p.seed, sim.BurstLength); err != nil {
		return err
	}
	titles := map[sim.Pattern]string{sim.Independent: "Independent loss", sim.Bursty: "Loss in bursts", sim.Shared: "Loss that all edges share"}
	for len(outcomes) > 0 {
		pattern, n := outcomes[0].Pattern, 0
		for n < len(outcomes) && outcomes[n].Pattern == pattern {
			n++
		}
		if _, err := fmt.Fprintf(w, "## %s\n\n", titles[pattern]); err != nil {
			return err
		}
		if err := writeMarkdown(w, outcomes[:n]); err != nil {
			return err
		}
		if outcomes = outcomes[n:]; len(outcomes) > 0 {
			fmt.Fprintln(w)
		}
	}
	return nil
}
