//go:build !client

package main

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"fanfare/internal/session"
	"fanfare/testbed/demo"
	"fanfare/testbed/netns"
)

func newDemo() *cobra.Command {
	var (
		config demo.Config
		loss   share = 0.05
	)
	c := &cobra.Command{
		Use:     "demo [PATH]",
		GroupID: "try",
		Short:   demoShort,
		Long: `Demo runs an origin and some edges on this machine, joined by links that lose packets. It
publishes PATH (or some thousand files of the Go tool chain), reads every byte back over
HTTP from every edge, kills an edge in the middle of a second publication and shows it take
up where it was, purges everything and looks for old bytes, and measures what plain HTTP
takes to bring the same files to the same edges.

The machines are network namespaces where this user may make them, as root or in a user
namespace; elsewhere loopback multicast, with packets dropped at the edges' sockets.`,
		Example: `  fanfare demo
  fanfare demo --edges 8 --loss 1% ~/photos`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, paths []string) error {
			config.Loss, config.Path, config.Out = float64(loss), strings.Join(paths, ""), c.OutOrStdout()
			if err := config.Validate(); err != nil {
				return usageError{err}
			}
			if _, err := session.ParseRate(config.Rate); err != nil {
				return usageError{err}
			}
			var err error
			if config.Binary, err = os.Executable(); err != nil {
				return err
			}
			if err := netns.Enter(); err != nil && !errors.Is(err, netns.ErrNotAllowed) {
				return err
			}
			return demo.Run(c.Context(), config)
		},
	}
	c.Flags().IntVar(&config.Edges, "edges", 3, "how many edges")
	c.Flags().Var(&loss, "loss", "share of packets that every link loses, as in 5% or 0.05")
	c.Flags().StringVar(&config.Rate, "rate", "200mbit", "the `rate` of what the origin sends at most")
	c.Flags().BoolVar(&config.Keep, "keep", false, "keep it running at the end, to look around")
	c.Flags().BoolVar(&config.JSON, "json", false, "print the report as JSON and nothing else")
	return c
}
