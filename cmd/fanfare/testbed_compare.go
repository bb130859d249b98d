//go:build !client

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"fanfare/internal/session"
	"fanfare/testbed/compare"
	"fanfare/testbed/netns"
	"fanfare/testbed/report"
)

// comparison is what one `fanfare testbed compare` is asked to do.
type comparison struct {
	config       compare.Config
	feedbackLoss share
	losses       []string
	linkRate     string
	rates        map[string]string
	big          bytesValue
	json         bool
	report       string
}

func newCompare() *cobra.Command {
	p := &comparison{big: 200_000_000}
	c := &cobra.Command{
		Use:   "compare",
		Short: "Run the same work over UFTP, udpcast, NORM, plain HTTP and this, side by side",
		Long: `Compare brings the same files to the same edges over the same lossy links, with one system
after another: this one, UFTP, udpcast and NORM where they are installed (apt-get install uftp
udpcast), and plain HTTP. It measures the time until every edge has every byte, what left
the origin for each byte of the files, and the processor time at the origin and at an edge,
compares every file with its digest, and says what was missing and what failed.

The links are those of network namespaces, made as root or in a user namespace. Rounds are
interleaved; the numbers are medians, with the least and the most. Let nothing else run on
the machine meanwhile.

Works: big is one file, small are many files of 10 KB, latency is one of 100 KB.`,
		Example: `  fanfare testbed compare
  fanfare testbed compare --edges 8 --loss 0%,1%,5%,10% --link-rate 100mbit --report compare.html
  fanfare testbed compare --work big --systems fanfare,uftp --rate fanfare=1gbit,uftp=600mbit`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.run(c) },
	}
	f := c.Flags()
	f.IntVar(&p.config.Edges, "edges", 4, "how many edges")
	f.StringSliceVar(&p.losses, "loss", []string{"0%", "5%"}, lossesUsage)
	f.Var(&p.feedbackLoss, "feedback-loss", "share of the packets lost on the way back, as in 5%")
	f.StringSliceVar(&p.config.Works, "work", compare.Works, "what to bring to the edges")
	f.StringSliceVar(&p.config.Systems, "systems", compare.Systems(), "what to bring it with")
	f.IntVar(&p.config.Rounds, "rounds", 3, "how often to run everything")
	f.StringVar(&p.linkRate, "link-rate", "", "limit the origin's link to this `rate`, as in 100mbit")
	f.StringToStringVar(&p.rates, "rate", nil, "`SYSTEM=RATE`: what it may send at most (default: what is best for it)")
	f.BoolVar(&p.config.Offloads, "offloads", false, "let several packets cross a link as one")
	f.Var(&p.big, "big", "length of the big file")
	f.IntVar(&p.config.SmallFiles, "small-files", 2000, "how many small files")
	f.DurationVar(&p.config.Limit, "limit", 2*time.Minute, "how long one run may take")
	f.StringVar(&p.config.Dir, "dir", "", "`directory` for the files (default: in memory, if there is one)")
	f.BoolVar(&p.json, "json", false, "print JSON instead of tables")
	f.StringVar(&p.report, "report", "", "write an HTML page to this `file`")
	f.Lookup("big").DefValue, f.Lookup("rate").DefValue = "200MB", ""
	return c
}

func (p *comparison) run(c *cobra.Command) error {
	if err := p.parse(); err != nil {
		return usageError{err}
	}
	var err error
	if p.config.Binary, err = os.Executable(); err != nil {
		return err
	}
	if client := filepath.Join(filepath.Dir(p.config.Binary), "fanfare"); filepath.Base(p.config.Binary) == wholeCommand {
		p.config.Client = client // as an operator with both would
	}
	if err := netns.Enter(); err != nil {
		return err
	}
	p.config.Tell = func(line string) { fmt.Fprintln(c.ErrOrStderr(), line) }
	result, err := compare.Run(c.Context(), p.config)
	if result == nil || len(result.Cells) == 0 {
		return err
	}
	return errors.Join(err, p.show(c, result))
}

// parse completes the configuration from what was written for people.
func (p *comparison) parse() error {
	var err error
	if p.config.Losses, err = parseLosses(p.losses, 1); err != nil {
		return err
	}
	if p.linkRate != "" {
		rate, err := session.ParseRate(p.linkRate)
		if err != nil {
			return err
		}
		p.config.LinkRate = uint64(rate)
	}
	p.config.Rates = make(map[string]uint64)
	for system, text := range p.rates {
		rate, err := session.ParseRate(text)
		if err != nil {
			return err
		}
		p.config.Rates[system] = uint64(rate)
	}
	p.config.BigBytes, p.config.FeedbackLoss = int64(p.big), float64(p.feedbackLoss)
	return p.config.Validate()
}

// show prints the result and writes the page, also of a comparison that was cut short.
func (p *comparison) show(c *cobra.Command, result *report.Comparison) error {
	var err error
	if p.json {
		err = printJSON(c.OutOrStdout(), result)
	} else {
		err = result.Print(c.OutOrStdout())
	}
	if p.report == "" {
		return err
	}
	return errors.Join(err, writePage(p.report, result.WriteHTML))
}

// newServe and newFetch are the two ends of plain HTTP, processes of their own.
func newServe() *cobra.Command {
	return &cobra.Command{
		Use: compare.ServeCommand + " DIR ADDRESS CONGESTION", Hidden: true, Args: arguments(cobra.ExactArgs(3)),
		RunE: func(c *cobra.Command, a []string) error { return compare.Serve(c.Context(), a[0], a[1], a[2]) },
	}
}

func newFetch() *cobra.Command {
	return &cobra.Command{
		Use: compare.FetchCommand + " URL LIST DIR", Hidden: true, Args: arguments(cobra.ExactArgs(3)),
		RunE: func(c *cobra.Command, a []string) error { return compare.Fetch(c.Context(), a[0], a[1], a[2]) },
	}
}
