package compare

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fanfare/internal/session"
)

// Limits of what makes sense on one machine.
const (
	maxEdges  = 64
	maxRounds = 100
)

// Config is what is to be compared.
type Config struct {
	// Edges is how many receivers there are, 1 to 64.
	Edges int
	// Losses are shares of the packets lost on the way to each edge; FeedbackLoss is that on
	// the way back. 0 to 0.9.
	Losses       []float64
	FeedbackLoss float64
	// Works are names of Works, Systems names of Systems; empty means all.
	Works, Systems []string
	// Rounds is how often everything is run.
	Rounds int
	// LinkRate limits what leaves the origin, in bits per second; 0 does not.
	LinkRate uint64
	// Rates are what systems are told to send at most, in bits per second, by name; without,
	// each has the rate that is best for it here.
	Rates map[string]uint64
	// Offloads lets several packets cross a link as one.
	Offloads bool
	// BigBytes is the length of the one file of the work "big".
	BigBytes int64
	// SmallFiles is how many files of 10 KB the work "small" has.
	SmallFiles int
	// Limit bounds one run.
	Limit time.Duration
	// Dir is a directory for everything that is written; empty for one in memory where there
	// is one, so that the network is compared and not the disk.
	Dir string
	// Binary is the fanfare command.
	Binary string
	// Client is the command that publishes, if it is another: the one built with the tag client.
	Client string
	// Tell is called with each line of progress.
	Tell func(line string)
}

// Validate returns an error that says what is out of range.
func (c *Config) Validate() error {
	for _, loss := range append([]float64{c.FeedbackLoss}, c.Losses...) {
		if !(loss >= 0 && loss <= 0.9) {
			return fmt.Errorf("a loss of %g %% is not between 0 and 90 %%", 100*loss)
		}
	}
	for _, name := range c.Works {
		if !slices.Contains(Works, name) {
			return fmt.Errorf("there is no work %q: the works are %s", name, strings.Join(Works, ", "))
		}
	}
	for _, name := range c.Systems {
		if !slices.Contains(Systems(), name) {
			return fmt.Errorf("there is no system %q: the systems are %s", name, strings.Join(Systems(), ", "))
		}
	}
	for name := range c.Rates {
		if !slices.Contains(Systems(), name) {
			return fmt.Errorf("a rate for %q: the systems are %s", name, strings.Join(Systems(), ", "))
		}
	}
	switch {
	case c.Edges < 1 || c.Edges > maxEdges:
		return fmt.Errorf("%d edges are not between 1 and %d", c.Edges, maxEdges)
	case len(c.Losses) == 0:
		return fmt.Errorf("no loss is given: 0 is one")
	case c.Rounds < 1 || c.Rounds > maxRounds:
		return fmt.Errorf("%d rounds are not between 1 and %d", c.Rounds, maxRounds)
	case c.LinkRate != 0 && c.LinkRate < 1_000_000:
		return fmt.Errorf("a link of %v is less than 1 Mb/s", session.Rate(c.LinkRate))
	case c.BigBytes < 1 || c.BigBytes > 100e9:
		return fmt.Errorf("a big file of %d bytes is not between 1 byte and 100 GB", c.BigBytes)
	case c.SmallFiles < 1 || c.SmallFiles > 60_000:
		return fmt.Errorf("%d small files are not between 1 and 60,000", c.SmallFiles)
	case c.Limit < time.Second || c.Limit > time.Hour:
		return fmt.Errorf("a time limit of %v for one run is not between a second and an hour", c.Limit)
	}
	return nil
}

// rateOf is what a system is told to send at most, in bits per second: what was asked for,
// or that share of the link, or otherwise unlinked; 0 is without a limit.
func (c *Config) rateOf(system string, shareOfLink float64, unlinked uint64) uint64 {
	if rate, ok := c.Rates[system]; ok {
		return rate
	}
	if c.LinkRate > 0 {
		return uint64(shareOfLink * float64(c.LinkRate))
	}
	return unlinked
}
