package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Print writes the run as tables for a terminal: what was expected of each scenario, and a
// summary of all.
func (r *Run) Print(out io.Writer) error {
	w := &errWriter{to: out}
	for i := range r.Results {
		r.Results[i].print(w)
	}
	if len(r.Results) > 1 {
		r.summary(w)
	}
	return w.err
}

// print writes one result.
func (r *Result) print(w io.Writer) {
	fmt.Fprintf(w, "%s %s (%s, seed %d, %s)\n", sign(r.Verdict), r.Name, r.Bed, r.Seed, duration(r.Elapsed))
	if r.Reason != "" {
		fmt.Fprintf(w, "  %s\n", r.Reason)
	}
	if len(r.Expectations) > 0 {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, e := range r.Expectations {
			fmt.Fprintf(table, "  %s %s\t%s\twanted: %s\n", sign(e.Verdict), e.Name, e.Got, e.Want)
		}
		table.Flush() // w keeps the error
		for _, e := range r.Expectations {
			for _, detail := range e.Details {
				fmt.Fprintf(w, "      %s: %s\n", e.Name, detail)
			}
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintf(w, "  note: %s\n", note)
	}
	fmt.Fprintln(w)
}

// summary writes one line for each result.
func (r *Run) summary(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "scenario\tverdict\ttook\tserved after\tsent/published\tfeedback\tpurge p99\t")
	for i := range r.Results {
		fmt.Fprintln(table, strings.Join(r.Results[i].summaryRow(), "\t")+"\t")
	}
	table.Flush() // w keeps the error
	count := map[Verdict]int{}
	for i := range r.Results {
		count[r.Results[i].Verdict]++
	}
	fmt.Fprintf(w, "scenarios: %d held, %d failed, %d skipped, in %s\n", count[Held], count[Failed], count[Skipped], duration(r.Seconds))
}

// summaryRow is a result in a row of the summary.
func (r *Result) summaryRow() []string {
	row := []string{r.Name, string(r.Verdict), duration(r.Elapsed), "-", "-", "-", "-"}
	if s, ok := r.slowest(); ok {
		row[3] = duration(s)
	}
	t := r.Totals
	if t.Overhead > 0 {
		row[4], row[5] = fmt.Sprintf("%.3f", t.Overhead), fmt.Sprintf("%.3f%%", 100*t.FeedbackShare)
	}
	if t.PurgeP99 > 0 {
		row[6] = duration(t.PurgeP99)
	}
	return row
}

// slowest is the longest that a publication took until every expected edge served it. It is
// false if there was none, or one was never served everywhere.
func (r *Result) slowest() (seconds float64, ok bool) {
	for _, p := range r.Publications {
		if p.Seconds < 0 {
			return 0, false
		}
		seconds, ok = max(seconds, p.Seconds), true
	}
	return seconds, ok
}

func sign(v Verdict) string {
	switch v {
	case Held:
		return "✓"
	case Failed:
		return "✗"
	}
	return "–"
}

// edgeRow is an edge's row of the table of a page.
type edgeRow struct {
	Edge
	Loss float64
}

// edgeRows are the edges worst first, and how many are left out.
func (r *Result) edgeRows() (rows []edgeRow, more int) {
	for _, e := range r.Edges {
		loss := e.Down.Loss()
		if !e.Down.Counted {
			loss = Link{Sent: e.PacketsReceived + e.PacketsLost, Lost: e.PacketsLost}.Loss()
		}
		rows = append(rows, edgeRow{e, loss})
	}
	if len(rows) > mostTableRows {
		slices.SortStableFunc(rows, func(a, b edgeRow) int {
			switch {
			case (a.Problem == "") != (b.Problem == ""):
				return 1 - 2*boolInt(a.Problem != "")
			case a.Loss > b.Loss:
				return -1
			case a.Loss < b.Loss:
				return 1
			}
			return 0
		})
		more = len(rows) - mostTableRows
		rows = rows[:mostTableRows]
	}
	return rows, more
}

// mostTableRows is how many edges a page's table names.
const mostTableRows = 64
