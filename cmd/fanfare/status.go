package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"fanfare/internal/api"
	"fanfare/internal/progress"
)

func newStatus() *cobra.Command {
	var (
		target target
		asJSON bool
	)
	c := &cobra.Command{
		Use:     "status",
		GroupID: "content",
		Short:   "Show how the origin and its edges are, worst first",
		Long: `Status shows the origin and every edge that it knows, the worst first.

  state     demoted: far behind the others, so that it gets what it misses by unicast;
            silent: not heard for some seconds (fanfare forget, if it is gone for good)
  behind    entries of the log that the edge does not yet serve in full; "12 ahead" of those
            that it has and this origin has not
  net loss  packets lost on the way, of those sent in the last half minute to a minute
  socket    packets of that time that the edge's own receive buffer had no room for
  nacks     how often it has asked for repair
  decoded   blocks that were completed with repair symbols
  fetched   blocks that came by unicast: the edge could not keep up, or they were forged

The last three are counted since the edge was started. A dash is for what is not known.
OUTDATED says that the origin runs on an older copy of its directory, as edges have shown it.
Edges of the same name are shown with their ids.
A one-way origin hears of no edge: it shows how far it is in its cycle instead.`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			client := target.client()
			status, err := client.Status(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), status)
			}
			return printStatus(c.OutOrStdout(), status)
		},
	}
	target.addTo(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newForget() *cobra.Command {
	var (
		target target
		silent bool
	)
	c := &cobra.Command{
		Use:     "forget [EDGE...]",
		GroupID: "content",
		Short:   "Do not expect an edge any more, until it is heard again",
		Long: `Forget makes the origin stop expecting edges that are gone for good, so that --wait no
longer waits for them. An edge that is heard again is expected again.`,
		Example: `  fanfare forget edge-7
  fanfare forget --silent`,
		RunE: func(c *cobra.Command, edges []string) error {
			if len(edges) == 0 && !silent {
				return usagef("say which edge to forget, by its name as `fanfare status` shows it, or --silent for all that are")
			}
			client := target.client()
			names := map[string]string{} // by id
			if silent {
				status, err := client.Status(c.Context())
				if err != nil {
					return err
				}
				for _, e := range status.Edges {
					if !e.Alive {
						edges = append(edges, e.ID) // another may have the same name
						names[e.ID] = e.Name + " (" + e.ID + ")"
					}
				}
				if len(edges) == 0 {
					fmt.Fprintln(c.OutOrStdout(), "no edge is silent")
				}
			}
			for _, edge := range edges {
				if err := client.ForgetEdge(c.Context(), edge); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%s is no longer expected\n", cmp.Or(names[edge], edge))
			}
			return nil
		},
	}
	target.addTo(c)
	c.Flags().BoolVar(&silent, "silent", false, "forget all edges that fanfare status shows as silent")
	return c
}

func printStatus(w io.Writer, s *api.Status) error {
	now := ""
	if s.Sender.Rate > 0 && s.Sender.Rate < s.Rate {
		now = ", now " + progress.Rate(s.Sender.Rate/8, time.Second)
	}
	if s.Sender.Rate < s.Sender.RateAllowed {
		now += ", all that edges can take in"
	}
	fmt.Fprintf(w, "origin   %s on %s to %s, at most %s%s\n", cmp.Or(s.Origin, s.Mode), s.Interface, s.Group, progress.Rate(s.Rate/8, time.Second), now)
	if s.Outdated != "" {
		fmt.Fprintf(w, "OUTDATED %s\n", s.Outdated)
	}
	fmt.Fprintf(w, "log      head %d, %s, generation %s\n", s.Head, count(s.Objects, "object"), s.Generation)
	fmt.Fprintf(w, "sent     %s in %d packets: %d source symbols, %d repair symbols (%d unasked), %d heartbeats; %d NACKs received\n",
		progress.Bytes(s.Sender.BytesSent), s.Sender.PacketsSent, s.Sender.SourceSymbolsSent,
		s.Sender.RepairSymbolsSent, s.Sender.ProactiveSymbolsSent, s.Sender.HeartbeatsSent, s.Sender.NACKsReceived)
	if s.Carousel != nil {
		return printCarousel(w, s)
	}
	if s.CatchUp.Bytes > 0 {
		fmt.Fprintf(w, "unicast  %s to edges that could not keep up, at most %s; %d served now, %d waiting\n",
			progress.Bytes(s.CatchUp.Bytes), progress.Rate(s.CatchUp.Rate/8, time.Second), s.CatchUp.Sending, s.CatchUp.Waiting)
	}
	if len(s.Edges) == 0 {
		_, err := fmt.Fprintln(w, "edges    none has joined yet: give session.ff to a machine and run `fanfare edge` there")
		return err
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "EDGE\tSTATE\tBEHIND\tRTT\tNET LOSS\tSOCKET\tNACKS\tDECODED\tFETCHED\tNOTE")
	names := make(map[string]int, len(s.Edges))
	for _, e := range s.Edges {
		names[e.Name]++
	}
	for _, e := range s.Edges {
		name := e.Name
		if names[name] > 1 { // by its id `fanfare forget` knows it apart
			name += " (" + e.ID + ")"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", name, edgeState(e), behind(e), roundTrip(e),
			part(e.Recent.Lost-min(e.Recent.SocketDrops, e.Recent.Lost), e.Recent), part(e.Recent.SocketDrops, e.Recent),
			e.NACKsSent, e.BlocksDecoded, e.BlocksFetched, edgeTrouble(e, s.Outdated != ""))
	}
	return table.Flush()
}

// printCarousel shows how far a one-way origin is. Of its edges it knows nothing.
func printCarousel(w io.Writer, s *api.Status) error {
	c := s.Carousel
	fmt.Fprintf(w, "one-way  %.3g %% proactive repair, %s of what is new\n", 100*c.Proactive, count(int(c.Repeats), "repeat"))
	if c.Cycle == 0 {
		_, err := fmt.Fprintln(w, "carousel has not begun")
		return err
	}
	_, err := fmt.Fprintf(w, "carousel cycle %d, at entry %d of %d, %s of about %s; a cycle takes about %s, and %s of rest\n",
		c.Cycle, c.Sequence, s.Head, progress.Bytes(c.BytesSent), progress.Bytes(c.Bytes),
		progress.Took(seconds(c.Seconds)), progress.Took(seconds(c.PauseSeconds)))
	return err
}

// behind says how far an edge is.
func behind(e api.Edge) string {
	switch {
	case e.Ahead > 0:
		return fmt.Sprintf("%d ahead", e.Ahead)
	case e.Unknown:
		return "-"
	}
	return strconv.FormatUint(e.Behind, 10)
}

// part writes so many of some packets as a percentage.
func part(n uint64, of api.Packets) string {
	if of.Received+of.Lost == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f %%", 100*float64(n)/float64(of.Received+of.Lost))
}

func roundTrip(e api.Edge) string {
	if e.RTTSeconds == 0 {
		return "-"
	}
	return progress.Took(seconds(e.RTTSeconds))
}

func edgeState(e api.Edge) string {
	switch {
	case !e.Alive:
		return "silent"
	case len(e.Failed) > 0 || e.Differs:
		return "failing"
	case e.Demoted:
		return "demoted"
	case e.Behind > 0:
		return "behind"
	}
	return "in step"
}

// edgeTrouble says the one thing that an operator should know first of an edge; outdated, that the
// origin runs on an older copy of its directory.
func edgeTrouble(e api.Edge, outdated bool) string {
	switch {
	case !e.Alive:
		return "last heard " + e.LastSeen.Local().Format("2006-01-02 15:04:05")
	case e.Stray && outdated:
		return "it follows the log that this directory lacks: leave it as it is"
	case e.Stray:
		return "it follows a log that this directory does not have: if this is the newest copy, empty the directory of the edge"
	case e.Differs:
		return "its catalogue differs from the origin's: restart it with an empty directory"
	case len(e.Failed) > 0:
		return fmt.Sprintf("sequence %d: %s", e.Failed[0].Sequence, e.Failed[0].Reason)
	case len(e.Progress) > 0:
		p := e.Progress[0]
		return fmt.Sprintf("sequence %d: %d of %d blocks", p.Sequence, p.Blocks, p.Of)
	case e.BlocksPoisoned > 0:
		return count(int(e.BlocksPoisoned), "block") + " failed the digest"
	}
	return ""
}
