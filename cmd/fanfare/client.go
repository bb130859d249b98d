package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/spf13/cobra"

	"fanfare/internal/api"
)

// defaultOriginDir is where a command looks for the origin if it is not told.
const defaultOriginDir = "/var/lib/fanfare/origin"

// defaultTimeout is how long --wait waits.
const defaultTimeout = 30 * time.Second

// target is which origin a command speaks to.
type target struct {
	dir, address string
}

// addTo adds the target's flags to a command.
func (t *target) addTo(c *cobra.Command) {
	c.Flags().StringVar(&t.dir, "dir", defaultOriginDir, "`directory` of the origin on this machine")
	c.Flags().StringVar(&t.address, "api", "", "`HOST:PORT` of an origin's API, instead of --dir")
}

func (t *target) client() *api.Client {
	if t.address != "" {
		return api.NewTCP(t.address)
	}
	return api.NewUnix(t.dir)
}

// waiting is whether a command waits for the edges, and how long.
type waiting struct {
	wait    bool
	timeout time.Duration
	until   string // what it waits to be: "served", "in force"
}

func (w *waiting) addTo(c *cobra.Command, until string) {
	w.until = until
	c.Flags().BoolVar(&w.wait, "wait", false, "wait until it is "+until+" at every edge that the origin knows")
	c.Flags().DurationVar(&w.timeout, "timeout", defaultTimeout, "how long to wait, for an origin that is restarted meanwhile too")
}

// client returns the client to ask the target with, which await waits on.
func (w *waiting) client(t *target) *api.Client {
	if w.wait {
		return t.client().Follow(w.timeout)
	}
	return t.client()
}

// check refuses a timeout that the origin would refuse when all else is done.
func (w *waiting) check() error {
	if w.timeout < 0 || w.timeout > api.MaxWait {
		return usagef("--timeout %v is not between 0 and %v", w.timeout, api.MaxWait)
	}
	return nil
}

// printJSON writes one value as one line.
func printJSON(w io.Writer, value any) error { return json.NewEncoder(w).Encode(value) }
