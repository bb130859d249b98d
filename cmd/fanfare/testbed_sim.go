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
	warm     bytesValue
	rate     string
	rtt      time.Duration
	seed     uint64

	grid, json, markdown bool
}

func newSimulate() *cobra.Command {
	p := &simulation{size: 10_000_000, warm: 5_000_000}
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
  fanfare testbed sim --edges 4,8 --loss 0.1%,1%,5%,10%,20% --pattern independent,bursty,shared`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.run(c) },
	}
	f := c.Flags()
	f.IntSliceVar(&p.edges, "edges", []int{10, 100, 1000, 10_000}, "how many edges")
	f.StringSliceVar(&p.losses, "loss", []string{"1%", "5%"}, lossesUsage)
	f.StringSliceVar(&p.patterns, "pattern", []string{string(sim.Independent)}, "how they are lost: "+patternNames())
	f.Var(&p.size, "size", "length of the object")
	f.Var(&p.warm, "warm", "length of an object that goes before, from which the origin learns what is lost; 0 for none")
	f.StringVar(&p.rate, "rate", "200mbit", "the origin's sending `rate`")
	f.DurationVar(&p.rtt, "rtt", 20*time.Millisecond, "round trip between origin and edges")
	f.Uint64Var(&p.seed, "seed", 1, "seed of all random numbers")
	f.BoolVar(&p.grid, "grid", false, "measure the grid of docs/repair.md")
	f.BoolVar(&p.json, "json", false, "print JSON instead of a table")
	f.BoolVar(&p.markdown, "markdown", false, "print the table as Markdown")
	c.MarkFlagsMutuallyExclusive("json", "markdown")
	for _, name := range []string{"edges", "loss", "pattern", "size", "warm"} {
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

// patternNames lists the patterns of loss for people.
func patternNames() string {
	var names []string
	for _, pattern := range sim.Patterns {
		names = append(names, string(pattern))
	}
	return strings.Join(names, ", ")
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
	if p.warm > p.size && p.warm > 5_000_000 {
		return nil, errors.New("--warm is longer than --size")
	}
	base.Bytes, base.Warm = uint64(p.size), uint64(p.warm)
	losses, err := parseLosses(p.losses, 0.6)
	if err != nil {
		return nil, err
	}
	var trials []sim.Trial
	for _, name := range p.patterns {
		base.Pattern = sim.Pattern(name)
		if !slices.Contains(sim.Patterns, base.Pattern) {
			return nil, fmt.Errorf("--pattern %q is none of %s", name, patternNames())
		}
		for _, n := range p.edges {
			if n < 1 || n > 10_000 {
				return nil, fmt.Errorf("--edges %d is not between 1 and 10000", n)
			}
			for _, loss := range losses {
				base.Edges, base.Loss = n, loss
				trials = append(trials, base)
			}
		}
	}
	return trials, nil
}

// gridTrials returns those of docs/repair.md. Small groups get long objects, so that chance
// matters less; in large ones it does not matter much.
func gridTrials(base sim.Trial) (trials []sim.Trial) {
	for _, base.Pattern = range sim.Patterns {
		for _, base.Edges = range []int{1, 4, 8, 100, 1000, 10_000} {
			losses := []float64{0.001, 0.01, 0.05, 0.10, 0.20}
			switch base.Pattern {
			case sim.Independent:
			case sim.Bursty, sim.Shared:
				losses = losses[1:4]
			default:
				if base.Edges == 1 || base.Edges == 8 {
					continue
				}
				losses = losses[1:4]
			}
			if base.Edges == 10_000 && base.Pattern != sim.Independent {
				losses = []float64{0.05}
			}
			base.Bytes, base.Warm = gridBytes(base.Edges)
			for _, base.Loss = range losses {
				trials = append(trials, base)
			}
		}
	}
	return trials
}

// gridBytes returns how long the object of a trial of the grid is, and the one before it.
func gridBytes(edges int) (bytes, warm uint64) {
	switch {
	case edges <= 8:
		return 50_000_000, 5_000_000
	case edges <= 100:
		return 20_000_000, 5_000_000
	case edges <= 1000:
		return 10_000_000, 3_000_000
	}
	return 5_000_000, 2_000_000
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
var outcomeColumns = []string{
	"edges", "loss", "pattern", "k", "size", "sent/source", "unasked", "ideal", "over ideal", "NACKs", "feedback", "complete", "tail", "receipts", "of rate",
}

// outcomeCells returns a row under outcomeColumns.
func outcomeCells(o *sim.Outcome) []string {
	return []string{
		strconv.Itoa(o.Edges), percent(o.Loss), string(o.Pattern), strconv.Itoa(o.MaxBlock), progress.Bytes(o.Bytes),
		fmt.Sprintf("%.4f", o.Ratio), fmt.Sprintf("%.4f", float64(o.Proactive)/float64(max(o.Source, 1))),
		fmt.Sprintf("%.4f", o.Ideal), fmt.Sprintf("%.4f", o.OverIdeal()),
		strconv.FormatUint(o.NACKs, 10), fmt.Sprintf("%.3f %%", 100*o.FeedbackShare),
		progress.Took(o.Complete), progress.Took(o.Tail), progress.Took(o.Receipts), fmt.Sprintf("%.3f %%", 100*o.RateShare),
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
payload; the same command gives the same numbers. An object goes before the one that is measured, so
that the origin knows from reports what edges lose: from that it chooses k, how many blocks take
turns, and how much repair goes out unasked, as it does in use.

- **sent/source**: symbols sent, of either kind, for each source symbol; **unasked**: the part of them
  that was proactive repair.
- **ideal**: the least that an MDS code with blocks of k symbols can do with, if the sender knew at
  each moment what every edge has: 1 + (1/k) Σ_m (1 - ∏_r F_r(m)), where F_r(m) is the chance that edge r
  needs at most m symbols more than k. It is an expectation, so a run of few losses may lie
  below it. For a loss near the origin, which all edges share, it is 1/(1-p). For bursts and late
  joiners there is no formula: there it is what had been sent of each block when the last
  edge had enough of it, so that only what nobody needed is above it.
- **over ideal**: the one over the other. The aim is at most 1.02, with bursts 1.05.
- **NACKs**: messages with NACKs that the origin received.
- **feedback**: bytes of all feedback, NACKs and reports, from publication to completion, over the bytes
  that the origin sent, headers included. The aim is at most 1 %% up to 100 edges, 0.1 %% at 10,000.
- **complete**: from publication until the last edge has all of it; **tail**: the part of that after
  the first pass.
- **receipts**: from publication until a report of every edge has told the origin so. Up to 64 edges
  tell at once; larger groups spread it over the interval at which they report. **of rate**: bytes
  of all feedback in that time over what the rate would have let the origin send; reports are to
  take 0.5 %% of it up to 100 edges, 0.05 %% at 10,000.

`

// patternTexts have, for each pattern, a heading of docs/repair.md and what is to be said below it.
var patternTexts = map[sim.Pattern][2]string{
	sim.Independent: {"Independent loss", ""},
	sim.Unequal:     {"Unequal edges", "Of every four edges one loses what the table says, the others a half, a quarter and a tenth of it."},
	sim.Bursty:      {"Loss in bursts", fmt.Sprintf("Each edge loses packets in bursts of %d on average (Gilbert-Elliott).", sim.BurstLength)},
	sim.Shared:      {"Loss that all edges share", "All edges lose the same packets."},
	sim.BadFeedback: {"Bad feedback", "Independent loss. A tenth of the feedback is lost, a tenth comes twice, a fifth up to a round trip late."},
	sim.LateJoiners: {"Late joiners", "Independent loss. A tenth of the edges, at least one, is started when half of the object has been sent."},
}

// writePage writes docs/repair.md.
func (p *simulation) writePage(w io.Writer, outcomes []sim.Outcome) error {
	if _, err := fmt.Fprintf(w, repairPage, p.rate, p.rtt, p.seed); err != nil {
		return err
	}
	for len(outcomes) > 0 {
		pattern, n := outcomes[0].Pattern, 0
		for n < len(outcomes) && outcomes[n].Pattern == pattern {
			n++
		}
		title, note := patternTexts[pattern][0], patternTexts[pattern][1]
		if note != "" {
			note += "\n\n"
		}
		if _, err := fmt.Fprintf(w, "## %s\n\n%s", title, note); err != nil {
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
