//go:build !client

package main

import (
	"fmt"
	"net/netip"
	"path/filepath"

	"github.com/spf13/cobra"

	"fanfare/internal/origin"
	"fanfare/internal/session"
)

func newOrigin() *cobra.Command {
	var (
		dir, address string
		log          logging
	)
	c := &cobra.Command{
		Use:     "origin",
		GroupID: "daemon",
		Short:   originShort,
		Long: `Origin runs the origin whose directory is given: it takes publications and purges on the
socket in that directory, sends them to the group, and repairs what edges lose. It stops at
SIGTERM, and loses nothing that it has acknowledged even if it is killed.`,
		Example: `  fanfare origin init --dir o --group 239.255.70.70:7070 --interface eth0
  fanfare origin --dir o`,
		Args: unknownCommand,
		RunE: func(c *cobra.Command, _ []string) error {
			logger, err := log.logger()
			if err != nil {
				return err
			}
			config := origin.Config{Dir: dir, Log: logger}
			if address != "" {
				if config.API, err = netip.ParseAddrPort(address); err != nil {
					return usagef("--api %q is not ADDRESS:PORT, as in 127.0.0.1:7701", address)
				}
			}
			return origin.Run(c.Context(), config)
		},
	}
	c.Flags().StringVar(&dir, "dir", defaultOriginDir, "`directory` that origin init made")
	c.Flags().StringVar(&address, "api", "", "`ADDRESS:PORT` for the API on TCP as well; whoever reaches it may publish")
	log.addTo(c)
	c.AddCommand(newOriginInit())
	return c
}

func newOriginInit() *cobra.Command {
	p := initFlags{proactive: share(origin.DefaultProactive)}
	c := &cobra.Command{
		Use:   "init",
		Short: "Make the directory of a new origin: configuration, key, session file",
		Long: `Init makes an origin: origin.yaml, which you may edit, a signing key, and session.ff, the
file that every edge needs. Choose a group in 239.0.0.0/8 (or ff15::/16) that is yours, or
for source-specific multicast one in 232.0.0.0/8 (or ff35::/16); then --source is the interface's
first address unless you give another.

With --one-way edges need no path to this machine (satellite, diode): it sends a share of repair
symbols with everything, and repeats everything in a carousel. session.ff is then all that an
edge ever gets besides the group.`,
		Example: `  fanfare origin init --dir o --group 239.255.70.70:7070 --interface eth0 --rate 500mbit
  fanfare origin init --dir o --group '[ff15::70]:7070' --interface eth0
  fanfare origin init --dir o --group 239.255.70.70:7070 --interface eth0 --one-way --proactive 20%`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			config, err := p.parse(c.Flags().Changed("proactive"))
			if err != nil {
				return err
			}
			if err := origin.Init(config); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "made %s\nrun it:           fanfare origin --dir %s\nfor every edge:   %s\n",
				config.Dir, config.Dir, filepath.Join(config.Dir, "session.ff"))
			return err
		},
	}
	p.addTo(c)
	return c
}

// initFlags are those of origin init; config has those that need no reading.
type initFlags struct {
	config        origin.InitConfig
	group, source string
	rate, minRate string
	proactive     share
}

func (p *initFlags) addTo(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&p.config.Dir, "dir", defaultOriginDir, "`directory` to make")
	f.StringVar(&p.group, "group", "", "multicast group and UDP port, `ADDRESS:PORT`")
	f.StringVar(&p.source, "source", "", "source-specific multicast: the `ADDRESS` of this machine that sends")
	f.StringVar(&p.config.Interface, "interface", "", "network `interface` that carries the group")
	f.StringVar(&p.rate, "rate", "100mbit", "the `rate` of what is sent at most, headers included")
	f.StringVar(&p.minRate, "min-rate", "", "make the `rate` adaptive, from this up to --rate, as TCP's is: for a path that is shared")
	f.IntVar(&p.config.MTU, "mtu", 1500, "the largest IP packet that every path carries, in `bytes`")
	f.IntVar(&p.config.TTL, "ttl", 1, "how many `routers`, plus one, packets may pass")
	f.BoolVar(&p.config.OneWay, "one-way", false, "edges have no path to this machine: repeat everything")
	f.Var(&p.proactive, "proactive", "with --one-way: repair symbols sent unasked, as a `share` of the data")
	f.StringVar(&p.config.Advertise, "advertise", "", "`HOST:PORT` where edges reach this machine (default: the interface's address, port 7700)")
}

// parse reads the flags; proactive says that --proactive was given.
func (p *initFlags) parse(proactive bool) (config origin.InitConfig, err error) {
	config = p.config
	config.Proactive = session.Share(p.proactive)
	if p.group == "" || config.Interface == "" {
		return config, usagef("give the multicast group with --group ADDRESS:PORT and the network interface with --interface")
	}
	if config.Group, err = netip.ParseAddrPort(p.group); err != nil {
		return config, usagef("--group %q is not ADDRESS:PORT, as in 239.255.70.70:7070 or [ff15::70]:7070", p.group)
	}
	if p.source != "" {
		if config.Source, err = netip.ParseAddr(p.source); err != nil {
			return config, usagef("--source %q is not an IP address", p.source)
		}
	}
	if config.Rate, err = session.ParseRate(p.rate); err != nil {
		return config, usageError{err}
	}
	if p.minRate != "" {
		if config.MinRate, err = session.ParseRate(p.minRate); err != nil {
			return config, usageError{err}
		}
	}
	if proactive && !config.OneWay {
		return config, usagef("--proactive is for --one-way: otherwise the origin sends as much repair as edges' losses ask for")
	}
	return config, nil
}
