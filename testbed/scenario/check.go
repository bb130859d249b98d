package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"fanfare/control"
	"fanfare/internal/session"
	"fanfare/internal/wire"
	"fanfare/sender"
)

const (
	maxEdges        = 10_000
	maxFiles        = 100_000
	minDisk         = Size(80_000_000)
	maxTimes        = 10_000
	defaultSettle   = 20 * time.Second
	defaultPurgeGap = 30 * time.Millisecond
)

// checker checks one scenario: what each key can be alone has been seen to while it was read.
type checker struct {
	s     *Scenario
	edges []string
	// published are the publications so far, up says which nodes run at this point of the timeline.
	published []string
	up, cut   map[string]bool
	joins     map[string]bool
}

// check returns an *Error for the first thing that cannot be.
func (s *Scenario) check() error {
	c := &checker{s: s, up: map[string]bool{Origin: true}, cut: map[string]bool{}, joins: map[string]bool{}}
	for _, step := range []func() error{c.topology, c.links, c.session, c.timeline, c.expect} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (l lined) wrong(format string, arguments ...any) error {
	return &Error{Line: l.line, Message: fmt.Sprintf(format, arguments...)}
}

// oneOf refuses a name that is not among the known ones.
func (l lined) oneOf(what, name string, known []string) error {
	if slices.Contains(known, name) {
		return nil
	}
	if name == "" {
		return l.wrong("%s is missing: known are %s", what, strings.Join(known, ", "))
	}
	if len(known) == 0 {
		return l.wrong("there is no %s %q, nor any other, up to here", what, name)
	}
	return l.wrong("there is no %s %q%s", what, name, session.Hint(name, known))
}

func (c *checker) topology() error {
	t := &c.s.Topology
	if c.s.Name == "" {
		return &Error{Message: "name is missing"}
	}
	if len(t.Edges) == 0 {
		return t.wrong("topology: edges is missing")
	}
	for _, e := range t.Edges {
		switch {
		case !plainName(e.Name) || e.Name == Origin || e.Name == All:
			return e.wrong("%q cannot be an edge's name: take up to 60 letters, digits and -", e.Name)
		case slices.Contains(c.edges, e.Name):
			return e.wrong("there are two edges %q", e.Name)
		case e.Disk != 0 && e.Disk < minDisk:
			return e.wrong("disk: %v is too small: an edge keeps 64MiB free for its index, so take %v or more", e.Disk, minDisk)
		}
		if err := e.oneOf("switch", e.Switch, t.Switches); err != nil {
			return err
		}
		c.edges = append(c.edges, e.Name)
	}
	if err := t.oneOf("switch", t.Origin, t.Switches); err != nil {
		return err
	}
	for _, r := range t.Routers {
		if len(r.Between) < 2 {
			return r.wrong("router %q joins nothing: give it two switches with between", r.Name)
		}
		for _, name := range r.Between {
			if err := r.oneOf("switch", name, t.Switches); err != nil {
				return err
			}
		}
	}
	return c.reachable()
}

// reachable refuses edges that no packet could come to.
func (c *checker) reachable() error {
	t := &c.s.Topology
	reached := map[string]bool{t.Origin: true}
	for range t.Routers {
		for _, r := range t.Routers {
			if slices.ContainsFunc(r.Between, func(s string) bool { return reached[s] }) {
				for _, s := range r.Between {
					reached[s] = true
				}
			}
		}
	}
	for _, e := range t.Edges {
		if !reached[e.Switch] {
			return e.wrong("no router leads from the origin's switch %s to %s, where %s is", t.Origin, e.Switch, e.Name)
		}
	}
	return nil
}

// plainName reports whether a name can stand in file names, interface names and URLs.
func plainName(s string) bool {
	if s == "" || len(s) > 60 || s[0] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-')
	})
}

func (c *checker) links() error {
	for _, name := range sortedKeys(c.s.Links) {
		l := c.s.Links[name]
		if err := l.oneOf("edge", name, append([]string{All, Origin}, c.edges...)); err != nil {
			return err
		}
		if err := l.check(); err != nil {
			return err
		}
	}
	return nil
}

func (l *Link) check() error {
	for _, f := range []*Faults{&l.Down, &l.Up} {
		if f.line == 0 {
			f.line = l.line
		}
		switch {
		case f.Reorder > 0 && f.ReorderDelay == 0:
			return f.wrong("reorder without reorder_delay: say by how much, as in reorder_delay: 5ms")
		case f.Queue > 0 && f.Rate == 0:
			return f.wrong("queue without rate: nothing ever waits")
		case f.Burst != nil && (f.Burst.Length < 1 || f.Burst.Loss >= 1):
			return f.wrong("burst: length must be 1 packet or more, and loss below 100%%, as in {loss: 2%%, length: 20}")
		case time.Duration(f.Delay) > time.Minute || time.Duration(f.Jitter) > time.Minute:
			return f.wrong("a delay of more than a minute is not a link")
		}
	}
	return nil
}

func (c *checker) session() error {
	s := &c.s.Session
	if _, err := wire.SymbolLength(s.MTU, s.IPv6); err != nil {
		return s.wrong("mtu: %s", strings.TrimPrefix(err.Error(), "wire: "))
	}
	switch {
	case s.MTU > 9000:
		return s.wrong("mtu: %d is more than 9000", s.MTU)
	case s.Mode != "" && s.Mode != session.TwoWay && !s.OneWay():
		return s.wrong("mode: %q is neither %s nor %s", s.Mode, session.TwoWay, session.OneWay)
	case s.Proactive != 0 && !s.OneWay():
		return s.wrong("proactive: this is for mode: one-way")
	}
	return nil
}

func (c *checker) timeline() error {
	if len(c.s.Timeline) == 0 {
		return &Error{Message: "timeline is missing: nothing would happen"}
	}
	for _, step := range c.s.Timeline {
		for _, name := range step.Join {
			c.joins[name] = true
		}
	}
	for _, e := range c.edges {
		c.up[e] = !c.joins[e]
	}
	var last Duration
	for i := range c.s.Timeline {
		s := &c.s.Timeline[i]
		if n := s.actions(); n != 1 {
			return s.wrong("a step has one action, this one has %d: %s", n, strings.Join(actionKeys(), ", "))
		}
		times := 0
		for _, given := range []bool{s.At != nil, s.After != nil, s.When != nil} {
			if given {
				times++
			}
		}
		if times > 1 {
			return s.wrong("give one of at, after and when")
		}
		if s.At != nil {
			if *s.At < last {
				return s.wrong("at: %v is before the step above, at %v", *s.At, last)
			}
			last = *s.At
		}
		if err := c.step(s); err != nil {
			return err
		}
	}
	return nil
}

// actionKeys are the keys of all actions.
func actionKeys() (keys []string) {
	for key := range fieldsOf(reflect.TypeFor[Step]()) {
		if key != "at" && key != "after" && key != "when" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (c *checker) step(s *Step) error {
	nodes := append([]string{Origin}, c.edges...)
	if w := s.When; w != nil {
		if err := w.oneOf("edge", w.Edge, c.edges); err != nil {
			return err
		}
		if err := w.oneOf("publication", w.Of, c.published); err != nil {
			return err
		}
	}
	switch {
	case s.Publish != nil:
		return c.publish(s.Publish)
	case s.Purge != nil:
		return c.purge(s.Purge)
	case s.Purges != nil && (s.Purges.Times < 1 || s.Purges.Times > maxTimes):
		return s.Purges.wrong("times: %d is not between 1 and %d", s.Purges.Times, maxTimes)
	case s.Pause != nil:
		return s.Pause.oneOf("node", s.Pause.Node, nodes)
	case s.ClockJump != nil:
		return s.ClockJump.oneOf("node", s.ClockJump.Node, nodes)
	case s.Link != nil:
		if err := s.Link.oneOf("edge", s.Link.Edge, append([]string{All}, c.edges...)); err != nil {
			return err
		}
		l := Link{lined: s.Link.lined, Down: s.Link.Down, Up: s.Link.Up}
		return l.check()
	case s.Check:
		return nil
	case s.Wait != nil:
		for _, name := range s.Wait {
			if err := s.oneOf("publication", name, append([]string{All}, c.published...)); err != nil {
				return err
			}
		}
		return nil
	case s.FullDisk != nil || s.FreeDisk != nil:
		return c.disks(s, append(slices.Clone(s.FullDisk), s.FreeDisk...))
	}
	return c.power(s, nodes)
}

// power follows which nodes run and are reachable.
func (c *checker) power(s *Step, nodes []string) error {
	for _, a := range []struct {
		key       string
		names     Names
		state     map[string]bool
		wanted    bool // what the state must be before
		otherwise string
	}{
		{"kill", s.Kill, c.up, true, "does not run"}, {"stop", s.Stop, c.up, true, "does not run"},
		{"restart", s.Restart, c.up, false, "runs"}, {"join", s.Join, c.up, false, "runs"},
		{"cut", s.Cut, c.cut, false, "is cut off"}, {"heal", s.Heal, c.cut, true, "is not cut off"},
	} {
		for _, name := range a.names {
			if a.key == "join" && name == Origin {
				return s.wrong("join is for edges: an origin is restarted")
			}
			if err := s.oneOf("node", name, nodes); err != nil {
				return err
			}
			if a.key == "restart" && c.joins[name] {
				return s.wrong("restart: %s is to join first", name)
			}
			if a.state[name] != a.wanted {
				return s.wrong("%s: %s %s at this point", a.key, name, a.otherwise)
			}
			a.state[name] = !a.wanted
			if a.key == "join" {
				c.joins[name] = false
			}
		}
	}
	return nil
}

func (c *checker) disks(s *Step, names []string) error {
	for _, name := range names {
		if err := s.oneOf("edge", name, c.edges); err != nil {
			return err
		}
		if e := c.s.Topology.Edges[slices.Index(c.edges, name)]; e.Disk == 0 {
			return s.wrong("%s shares the machine's disk: give it one in topology, as in {name: %s, disk: 110MB}", name, name)
		}
	}
	return nil
}

func (c *checker) publish(p *Publish) error {
	switch {
	case !plainName(p.Name):
		return p.wrong("publish: name %q: take up to 60 letters, digits and -", p.Name)
	case slices.Contains(c.published, p.Name):
		return p.wrong("publish: there is a publication %q already; for a new version of its files give another name and the path %s", p.Name, p.Path)
	case p.Files < 1 || p.Files > maxFiles:
		return p.wrong("publish: files: %d is not between 1 and %d", p.Files, maxFiles)
	case int64(p.Files)*int64(p.Size) > 8<<30:
		return p.wrong("publish: %d files of %v are more than a test bed can hold", p.Files, p.Size)
	}
	if key, err := control.ParseKey(p.Path); err != nil || key.Path != p.Path {
		return p.wrong("publish: path %q is not a path as it stands in a URL, as in /news", p.Path)
	}
	if _, err := sender.ParsePriority(p.Priority); err != nil {
		return p.wrong("publish: priority %q is none of urgent, normal, background", p.Priority)
	}
	for _, name := range p.But {
		if err := p.oneOf("edge", name, c.edges); err != nil {
			return err
		}
	}
	if len(p.But) > 0 && p.Within == 0 {
		return p.wrong("publish: but without within: there is nothing to except %s from", strings.Join(p.But, ", "))
	}
	c.published = append(c.published, p.Name)
	return nil
}

func (c *checker) purge(p *Purge) error {
	given := 0
	for _, is := range []bool{p.Publication != "", p.Tag != "", p.Prefix != "", p.All} {
		if is {
			given++
		}
	}
	if given != 1 {
		return p.wrong("purge: give one of publication, tag, prefix and all: true")
	}
	if p.Publication != "" {
		return p.oneOf("publication", p.Publication, c.published)
	}
	return nil
}

func (c *checker) expect() error {
	x := &c.s.Expect
	if x.Overhead != 0 && x.Overhead < 1 {
		return x.wrong("overhead: %g is less than the bytes published: the bound is bytes sent over bytes published, as in 1.13", x.Overhead)
	}
	if x.PurgeP50+x.PurgeP99 > 0 && !slices.ContainsFunc(c.s.Timeline, func(s Step) bool { return s.Purges != nil }) {
		return x.wrong("a bound on purge latency, but no step that measures it: add - purges: {times: 30}")
	}
	for _, f := range x.Failures {
		if err := f.oneOf("edge", f.Edge, c.edges); err != nil {
			return err
		}
		if err := f.oneOf("publication", f.Publication, c.published); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
