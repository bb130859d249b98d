package origin

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"fanfare/internal/session"
)

// Names in the origin's directory.
const (
	configName  = "origin.yaml"
	sessionName = "session.ff"
	keyName     = "signing.key"
	logName     = "log"
	spoolName   = "spool"
	lockName    = "lock"
)

// config is the content of origin.yaml. What edges must know too stands in session.ff.
type config struct {
	// Interface is the network interface that the group is sent on.
	Interface string `yaml:"interface"`
	// TTL is the time to live or hop limit of multicast; 0 means 1.
	TTL int `yaml:"ttl"`
	// Loop lets edges on this machine hear the origin.
	Loop bool `yaml:"loop"`
	// Listen is ADDRESS:PORT for feedback (UDP), the log and catch-up (TCP).
	Listen netip.AddrPort `yaml:"listen"`
	// API is ADDRESS:PORT of the local API on TCP, beside the Unix socket; not valid for none.
	API netip.AddrPort `yaml:"api"`
	// FeedbackRate is how many feedback messages a second all edges together should send at most.
	FeedbackRate int `yaml:"feedback_rate"`
	// RetireAfter is how long a bundle that nothing points to any more is kept, unless an edge
	// lacks it.
	RetireAfter time.Duration `yaml:"retire_after"`
	// CatchUpRate is what all edges that catch up by unicast get together, beside the session's
	// rate; 0 means a quarter of that.
	CatchUpRate session.Rate `yaml:"catch_up_rate"`
	// Proactive is how many repair symbols a one-way origin sends unasked, of each block's source
	// symbols; nil: DefaultProactive. CarouselPause is between two cycles of its carousel; nil:
	// defaultCarouselPause. Both are nil in a two-way session.
	Proactive     *session.Share `yaml:"proactive"`
	CarouselPause *time.Duration `yaml:"carousel_pause"`

	// MinRate makes the rate adaptive, between it and the session's; 0: it is fixed.
	MinRate session.Rate `yaml:"min_rate"`
	// DSCP marks packets, Demote bounds how far an edge may fall behind the others.
	DSCP   marking  `yaml:"dscp"`
	Demote demotion `yaml:"demote"`
}

// defaultRetireAfter is long enough for reports that are late.
const defaultRetireAfter = 30 * time.Second

// loadConfig reads and checks origin.yaml in dir.
func loadConfig(dir string) (*config, error) {
	path := filepath.Join(dir, configName)
	c := &config{Loop: true, RetireAfter: defaultRetireAfter, FeedbackRate: defaultFeedbackRate}
	c.Demote = defaultDemotion
	if err := session.LoadYAML(path, c); err != nil {
		return nil, err
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c *config) validate() error {
	switch {
	case c.TTL < 0 || c.TTL > 255:
		return fmt.Errorf("ttl %d is not between 1 and 255", c.TTL)
	case !c.Listen.IsValid() || c.Listen.Port() == 0:
		return errors.New("listen is not ADDRESS:PORT")
	case c.FeedbackRate < minFeedbackRate || c.FeedbackRate > maxFeedbackRate:
		return fmt.Errorf("feedback_rate %d is not between %d and %d", c.FeedbackRate, minFeedbackRate, maxFeedbackRate)
	case c.RetireAfter < 0:
		return errors.New("retire_after is negative")
	}
	if err := c.Demote.validate(); err != nil {
		return err
	}
	return c.validateOneWay()
}

// text returns the file's content, with comments for the person who edits it.
func (c *config) text() []byte {
	return fmt.Appendf(nil, `# Configuration of this origin. Group, rate and MTU stand in %s, which edges have too.

# Network interface that the group is sent on.
interface: %q
# How many routers multicast may pass, plus one.
ttl: %d
# Whether edges on this machine hear the origin.
loop: %t

# ADDRESS:PORT where edges reach this machine: feedback by UDP, log and catch-up by TCP.
listen: "%s"
# ADDRESS:PORT of the local API on TCP, beside the Unix socket. Whoever reaches it may publish.
#api: "127.0.0.1:7701"

# How many feedback messages a second all edges together may send. They are told to report so rarely
# that half of it is enough, and that reports take at most 0.5 %% of the rate (0.05 %% with 10,000 edges).
#feedback_rate: %d

# How long a bundle that no key points to any more stays in the spool, once every edge has it.
retire_after: %s

# What edges that cannot keep up, and fetch by unicast what they lack, get together beside the
# session's rate. Unless set: a quarter of that.
#catch_up_rate: 25mbit
%s%s`, sessionName, c.Interface, max(c.TTL, 1), c.Loop, c.Listen, defaultFeedbackRate, c.RetireAfter, c.pathText(), c.oneWayText())
}
