package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// Print writes the comparison as tables for a terminal.
func (c *Comparison) Print(out io.Writer) error {
	w := &errWriter{to: out}
	fmt.Fprintf(w, "%s\n%s\nmedian of %d rounds\n", c.Machine, c.Bed, c.Rounds)
	for _, work := range c.Works {
		for _, loss := range c.Losses {
			c.printWork(w, work, loss)
		}
	}
	for _, s := range c.Systems {
		if s.Missing != "" {
			fmt.Fprintf(w, "\n%s was not run: %s\n", s.Name, s.Missing)
		}
	}
	for _, note := range c.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	return w.err
}

func (c *Comparison) printWork(w io.Writer, work Work, loss float64) {
	fmt.Fprintf(w, "\n%s (%s), %d edges, %.3g %% loss\n", work.Name, work.About, c.Edges, 100*loss)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, strings.Join(tableHeader(work), "\t")+"\t")
	for _, s := range c.Systems {
		if cell := c.Cell(work.Name, loss, s.Name); cell != nil {
			fmt.Fprintln(table, strings.Join(cellRow(cell, work), "\t")+"\t")
		}
	}
	table.Flush() // w keeps the error
	for _, line := range c.Verdicts(work, loss) {
		fmt.Fprintln(w, line)
	}
	for _, s := range c.Systems {
		for _, reason := range c.failures(work.Name, loss, s.Name) {
			fmt.Fprintf(w, "  %s failed: %s\n", s.Name, reason)
		}
	}
}

// cellRow is a cell's row of the table.
func cellRow(cell *Cell, work Work) []string {
	seconds, n := cell.Of(Seconds)
	row := []string{cell.System, fmt.Sprintf("%d/%d", n, len(cell.Runs))}
	if n == 0 {
		for len(row) < len(tableHeader(work)) {
			row = append(row, "-")
		}
		return row
	}
	row = append(row, duration(seconds.Median), fmt.Sprintf("%s–%s", duration(seconds.Min), duration(seconds.Max)))
	median := func(format string, quantity func(Transfer, Work) float64) {
		s, _ := cell.Of(func(t Transfer) float64 { return quantity(t, work) })
		row = append(row, fmt.Sprintf(format, s.Median))
	}
	if !work.Latency {
		median("%.0f", goodput)
	}
	median("%.3f", wirePerFile)
	if !work.Latency {
		median("%.2f", originCPU)
		median("%.2f", edgeCPU)
	}
	return row
}

// Quantities of a run that are shown, beside its seconds.
func goodput(t Transfer, w Work) float64     { return float64(w.Bytes) * 8 / t.Seconds / 1e6 } // Mb/s
func wirePerFile(t Transfer, w Work) float64 { return float64(t.WireBytes) / float64(w.Bytes) }
func originCPU(t Transfer, w Work) float64   { return t.OriginCPU / (float64(w.Bytes) / 1e9) } // s/GB
func edgeCPU(t Transfer, w Work) float64     { return t.EdgeCPU / (float64(w.Bytes) / 1e9) }   // s/GB

// Verdicts say how the own system did against the best peer, and the best that multicasts.
func (c *Comparison) Verdicts(work Work, loss float64) (lines []string) {
	all, ok := c.BestPeer(work.Name, loss, false)
	if !ok {
		return nil
	}
	lines = append(lines, all.String()+", the fastest of the others")
	if multicast, ok := c.BestPeer(work.Name, loss, true); ok && multicast.Peer != all.Peer {
		lines = append(lines, multicast.String()+", the fastest of those that multicast")
	}
	return lines
}

func (a Against) String() string {
	if a.Times < 1 {
		return fmt.Sprintf("%.2f times slower than %s", 1/a.Times, a.Peer)
	}
	return fmt.Sprintf("%.2f times faster than %s", a.Times, a.Peer)
}

// tableHeader names the columns of cellRow.
func tableHeader(work Work) []string {
	if work.Latency {
		return []string{"system", "runs", "time", "from–to", "sent/file"}
	}
	return []string{"system", "runs", "time", "from–to", "goodput, Mb/s", "sent/file", "CPU origin, s/GB", "CPU edge, s/GB"}
}

// failures are the reasons of the runs of a cell that failed, each once.
func (c *Comparison) failures(work string, loss float64, system string) (reasons []string) {
	cell := c.Cell(work, loss, system)
	if cell == nil {
		return nil
	}
	seen := make(map[string]bool)
	for _, t := range cell.Runs {
		if !t.OK && !seen[t.Reason] {
			seen[t.Reason] = true
			reasons = append(reasons, t.Reason)
		}
	}
	return reasons
}

// duration says seconds in three digits, with a unit.
func duration(seconds float64) string {
	switch {
	case seconds == 0:
		return "0 s"
	case seconds < 0.0995:
		return fmt.Sprintf("%.3g ms", 1000*seconds)
	case seconds < 0.9995:
		return fmt.Sprintf("%.0f ms", 1000*seconds)
	}
	return fmt.Sprintf("%.*f s", decimals(seconds), seconds)
}

// moment says a time of a timeline, to the millisecond.
func moment(seconds float64) string { return duration(math.Round(1000*seconds) / 1000) }

// decimals is how many a number of at least 1 has if it is shown in three digits.
func decimals(n float64) int {
	switch {
	case n < 9.995:
		return 2
	case n < 99.95:
		return 1
	}
	return 0
}

// errWriter keeps the first error, so that a table need not look at each.
type errWriter struct {
	to  io.Writer
	err error
}

func (w *errWriter) Write(p []byte) (int, error) {
	if w.err == nil {
		_, w.err = w.to.Write(p)
	}
	return len(p), nil
}
