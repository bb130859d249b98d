//go:build !client

package main

import (
	"github.com/spf13/cobra"

	"fanfare/internal/edge"
)

func newEdge() *cobra.Command {
	var (
		config edge.Config
		log    logging
		size   bytesValue
		memory = bytesValue(64 << 20)
		loss   share
	)
	c := &cobra.Command{
		Use:     "edge",
		GroupID: "daemon",
		Short:   edgeShort,
		Long: `Edge joins the group of a session, keeps what the origin publishes in its directory and
serves it over HTTP by host and path. Until it has once caught up with the origin after a
start it answers 503. /healthz, /readyz and /metrics are answered on --admin, or without it
on --http.`,
		Example: `  fanfare edge --session session.ff --dir /var/cache/fanfare --interface eth0 --http :8080`,
		Args:    arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if config.Session == "" || config.Dir == "" || config.Interface == "" || config.HTTP == "" {
				return usagef("give all of --session, --dir, --interface and --http")
			}
			logger, err := log.logger()
			if err != nil {
				return err
			}
			config.MaxBytes, config.MemoryBytes = int64(size), int64(memory)
			config.InjectLoss, config.Log = float64(loss), logger
			return edge.Run(c.Context(), config)
		},
	}
	c.Flags().StringVar(&config.Session, "session", "", "`file` that the origin made: session.ff")
	c.Flags().StringVar(&config.Dir, "dir", "", "`directory` for the cache")
	c.Flags().StringVar(&config.Interface, "interface", "", "network `interface` to join the group on")
	c.Flags().StringVar(&config.HTTP, "http", "", "`ADDRESS` to serve HTTP on, as in :8080")
	c.Flags().StringVar(&config.Admin, "admin", "", "`ADDRESS` for /healthz, /readyz and /metrics, instead of --http")
	c.Flags().StringVar(&config.Name, "name", "", "what the origin calls this edge (default: the host's name)")
	c.Flags().Var(&size, "max-size", "how much disk the bundles may take, as in 200GB (default: no limit)")
	c.Flags().Var(&memory, "memory", "memory for blocks that are on their way")
	c.Flags().Var(&loss, "inject-loss", "drop this share of the packets, to try things out")
	c.Flags().MarkHidden("inject-loss")
	log.addTo(c)
	return c
}
