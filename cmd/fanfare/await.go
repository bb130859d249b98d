package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"fanfare/internal/api"
	"fanfare/internal/progress"
)

// await waits until every expected edge has followed what client asked for, shows how far each is,
// and prints the receipt. It returns errIncomplete if some edge was not there in time, or if the
// origin went away and was not back in time to say so.
func (w *waiting) await(c *cobra.Command, client *api.Client, asJSON bool) error {
	start := time.Now()
	board := progress.New(os.Stderr)
	receipt, err := client.Followed(c.Context(), func(r *api.Receipt) {
		if asJSON || time.Since(start) < quiet {
			return
		}
		for _, edge := range r.Edges {
			board.Set(edge.Name, int64(1000*edge.Fraction), 1000, edgeNote(edge))
		}
	}, func(error) {
		board.Close()
		fmt.Fprintf(os.Stderr, "fanfare: the origin went away; what it acknowledged stands, and it is waited for until --timeout (%v) is over\n", w.timeout)
	})
	board.Close()
	if errors.Is(err, api.ErrGone) {
		fmt.Fprintf(os.Stderr, "fanfare: %s\n", sentence(err))
		return errIncomplete
	}
	if err != nil {
		return err
	}
	if asJSON {
		err = printJSON(c.OutOrStdout(), receipt)
	} else {
		printReceipt(c.OutOrStdout(), receipt, w.until)
	}
	if err == nil && !receipt.Complete {
		err = errIncomplete
	}
	return err
}

// printReceipt says in one line how many edges are there and, in one more for each of the
// rest, who is not and why. until is what was waited for: "served", "in force".
func printReceipt(w io.Writer, r *api.Receipt, until string) {
	if len(r.Edges) == 0 {
		fmt.Fprintln(w, "no edge has joined this origin yet: there is nobody to wait for")
		return
	}
	slowest := api.EdgeReceipt{}
	for _, edge := range r.Edges {
		if edge.Served && edge.Seconds > slowest.Seconds {
			slowest = edge
		}
	}
	line := fmt.Sprintf("%s at %d/%d edges", until, r.Served, len(r.Edges))
	if slowest.Seconds > 0 { // an origin that was restarted meanwhile does not know since when
		line += fmt.Sprintf(", the slowest %s after %s", slowest.Name, progress.Took(seconds(slowest.Seconds)))
	}
	fmt.Fprintln(w, line)
	for _, edge := range r.Edges {
		if !edge.Served {
			fmt.Fprintf(w, "  %s is not there: %s\n", edge.Name, edgeNote(edge))
		}
	}
}

// edgeNote says in a few words how an edge is getting on.
func edgeNote(e api.EdgeReceipt) string {
	switch {
	case e.Served && e.Seconds == 0:
		return "done"
	case e.Served:
		return "done in " + progress.Took(seconds(e.Seconds))
	case e.Reason != "":
		return e.Reason
	case e.SilentSeconds < 0:
		return "not heard since the origin started"
	case e.SilentSeconds > 5:
		return fmt.Sprintf("last heard %s ago, had %.0f %%", progress.Took(seconds(e.SilentSeconds)), 100*e.Fraction)
	}
	return fmt.Sprintf("has %.0f %% so far", 100*e.Fraction)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
