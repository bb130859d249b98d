package origin

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fanfare/internal/mcast"
	"fanfare/internal/session"
	"fanfare/sender"
)

// demotion says in origin.yaml how far an edge may fall behind the others; see
// sender.DemoteConfig. Its form is "off", or a mapping of loss and lag.
type demotion struct {
	off  bool
	Loss session.Share `yaml:"loss"`
	Lag  time.Duration `yaml:"lag"`
}

// UnmarshalYAML reads either form.
func (d *demotion) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if unmarshal(&word) == nil && !strings.Contains(word, ":") {
		if word != "off" {
			return fmt.Errorf("%q is neither off nor a loss and a lag, as in {loss: 25%%, lag: 10s}", word)
		}
		d.off = true
		return nil
	}
	type plain demotion
	return unmarshal((*plain)(d))
}

// engine returns what the engine takes.
func (d *demotion) engine() sender.DemoteConfig {
	return sender.DemoteConfig{Off: d.off, LossPPM: uint32(float64(d.Loss)*1e6 + 0.5), Lag: d.Lag}
}

func (d *demotion) validate() error {
	switch {
	case d.off:
	case d.Loss < 0.01 || d.Loss > 1:
		return fmt.Errorf("demote: loss %v is not between 1%% and 100%%", d.Loss)
	case d.Lag < time.Second:
		return fmt.Errorf("demote: lag %v is less than a second", d.Lag)
	}
	return nil
}

// defaultDemotion is the engine's, as origin.yaml shows it.
var defaultDemotion = demotion{Loss: sender.DefaultDemoteLossPPM / session.Share(1e6), Lag: sender.DefaultDemoteLag}

// dscp is a Differentiated Services code point (RFC 2474), 0 to 63. Its text form is a number, or a
// name of IANA's registry.
type dscp uint8

// dscpNames are the code points that have names but for those that dscp.named works out.
var dscpNames = map[string]dscp{"df": 0, "be": 0, "le": 1, "va": 44, "ef": 46}

// named returns the code point of a name in lower case: one of dscpNames, a class selector
// (RFC 2474) or an assured forwarding class (RFC 2597).
func named(name string) (dscp, bool) {
	if d, ok := dscpNames[name]; ok {
		return d, true
	}
	digit := func(i int, most byte) (dscp, bool) {
		return dscp(name[i] - '0'), name[i] >= '0' && name[i] <= most
	}
	if len(name) == 3 && strings.HasPrefix(name, "cs") {
		class, ok := digit(2, '7')
		return 8 * class, ok
	}
	if len(name) == 4 && strings.HasPrefix(name, "af") {
		class, ok1 := digit(2, '4')
		precedence, ok2 := digit(3, '3')
		return 8*class + 2*precedence, ok1 && ok2 && class > 0 && precedence > 0
	}
	return 0, false
}

// UnmarshalText reads a name or a number.
func (d *dscp) UnmarshalText(text []byte) error {
	word := strings.ToLower(strings.TrimSpace(string(text)))
	if value, ok := named(word); ok {
		*d = value
		return nil
	}
	n, err := strconv.ParseUint(word, 10, 8)
	if err != nil || n > 63 {
		return fmt.Errorf("%q is not a number from 0 to 63, or a name such as cs1, af21, ef or le", word)
	}
	*d = dscp(n)
	return nil
}

// marking says in origin.yaml which code points packets bear.
type marking struct {
	Control dscp `yaml:"control"` // the log and heartbeats
	Repair  dscp `yaml:"repair"`
	Bulk    dscp `yaml:"bulk"` // data sent for the first time
}

// classes returns the traffic class of each of the engine's classes. If the rate is adaptive routers
// may mark packets instead of dropping them.
func (m *marking) classes(adaptive bool) (list [sender.ClassBulk + 1]uint8) {
	list[sender.ClassControl] = mcast.TrafficClass(uint8(m.Control), adaptive)
	list[sender.ClassRepair] = mcast.TrafficClass(uint8(m.Repair), adaptive)
	list[sender.ClassBulk] = mcast.TrafficClass(uint8(m.Bulk), adaptive)
	return list
}

// fits checks what depends on the session.
func (c *config) fits(s *session.Session) error {
	switch {
	case c.MinRate > s.Rate:
		return fmt.Errorf("min_rate %v is above the session's rate, %v", c.MinRate, s.Rate)
	case c.MinRate != 0 && s.OneWay():
		return errors.New("min_rate is set, but in a one-way session nobody reports what the path carries")
	case c.Proactive != nil && !s.OneWay():
		return errors.New("proactive is for one-way sessions, and this one is two-way: say it of each publication, with `fanfare publish --proactive`")
	case c.CarouselPause != nil && !s.OneWay():
		return errors.New("carousel_pause is for one-way sessions, and this one is two-way: there is no carousel where edges ask for what they miss")
	}
	return nil
}

// pathText is the part of origin.yaml about rate, code points and demotion.
func (c *config) pathText() string {
	rate := "#min_rate: 5mbit"
	if c.MinRate != 0 {
		rate = fmt.Sprintf("min_rate: %v", c.MinRate)
	}
	return fmt.Sprintf(`
# Set this unless the path is yours: then the rate is adaptive, between this and the session's. It
# follows what TCP would get at all but the worst tenth of the edges (RFC 8085), and heeds ECN.
# Unless set the session's rate is sent, whatever is lost. Either way the origin slows down while
# the receive buffers of edges fill, more than a fifth of them, and sends what they can take in: half
# of the rate at least, or a sixteenth if half of the edges are behind.
%s

# DSCP of what is sent: the log and heartbeats, repair, and data sent for the first time. Numbers
# from 0 to 63, or names: cs0 to cs7, af11 to af43, ef, le.
#dscp: {control: cs0, repair: cs0, bulk: cs0}

# An edge that loses more than this, while others do well, or that keeps asking for what was sent
# longer ago than this, is demoted: its NACKs are not answered, and it gets what it misses by
# unicast until it is well. "demote: off" answers every NACK, whatever that costs the others.
#demote: {loss: %v, lag: %v}
`, rate, defaultDemotion.Loss, defaultDemotion.Lag)
}
