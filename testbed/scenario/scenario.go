package scenario

import (
	"errors"
	"fmt"
	"os"

	"github.com/goccy/go-yaml/ast"

	"fanfare/internal/session"
)

// Scenario is one file.
type Scenario struct {
	// Name is one word for the scenario: the file's name without .yaml.
	Name string `yaml:"name"`
	// About is prose: what the network is like and what is to be seen.
	About string `yaml:"about,omitempty"`
	// Seed decides every random fault and the contents of the files; 0: 1.
	Seed uint64 `yaml:"seed,omitempty"`
	// Only names the one bed, namespaces or simulation, in which it makes sense; empty: either.
	Only Bed `yaml:"only,omitempty"`
	// Topology is which machines there are.
	Topology Topology `yaml:"topology"`
	// Links has the faults of links, by the name of the edge at their end. "all" is every edge
	// that is not named, "origin" the origin's own link, which all edges share.
	Links map[string]Link `yaml:"links,omitempty"`
	// Session is how the origin sends.
	Session Session `yaml:"session,omitempty"`
	// Timeline is what happens.
	Timeline []Step `yaml:"timeline"`
	// Expect is what must hold, beside what always must.
	Expect Expect `yaml:"expect,omitempty"`

	// File is where it was read from.
	File string `yaml:"-"`
}

// Bed is where a scenario can be run.
type Bed string

// The beds.
const (
	InNamespaces Bed = "namespaces"
	InSimulation Bed = "simulation"
)

// UnmarshalText takes the name of a bed.
func (b *Bed) UnmarshalText(text []byte) error {
	*b = Bed(text)
	if *b != InNamespaces && *b != InSimulation {
		return fmt.Errorf("%q is neither namespaces nor simulation", text)
	}
	return nil
}

// Topology is the machines and what joins them.
type Topology struct {
	lined `yaml:"-"`
	// Edges are the edges: a number, or a list of names or of more detail.
	Edges Edges `yaml:"edges"`
	// Switches are the switches, by name; none: one that joins everything.
	Switches []string `yaml:"switches,omitempty"`
	// Routers join switches.
	Routers []Router `yaml:"routers,omitempty"`
	// Origin is the switch that the origin is at; empty: the first.
	Origin string `yaml:"origin,omitempty"`
}

// onlySwitch is the name of the switch where there is but one.
const onlySwitch = "switch"

// Router is a router with multicast routing between switches.
type Router struct {
	lined   `yaml:"-"`
	Name    string   `yaml:"name"`
	Between []string `yaml:"between"`
}

// Edges are the edges of a topology.
type Edges []Edge

// Edge is one edge.
type Edge struct {
	lined `yaml:"-"`
	Name  string `yaml:"name"`
	// Switch is the one it is at; empty: the first.
	Switch string `yaml:"switch,omitempty"`
	// Disk is how large the disk for its cache is; 0: it shares the machine's.
	Disk Size `yaml:"disk,omitempty"`
}

// edgeFields is Edge without its second form.
type edgeFields Edge

func (e *Edge) decodeNode(n ast.Node) error {
	if text, err := scalar(n); err == nil {
		e.Name = text
		e.setLine(n.GetToken().Position.Line)
		return nil
	}
	return decodeAny(n, (*edgeFields)(e))
}

func (e *Edges) decodeNode(n ast.Node) error {
	if _, ok := n.(*ast.SequenceNode); ok {
		return decodeAny(n, (*[]Edge)(e))
	}
	var count int
	if err := decodeAny(n, &count); err != nil {
		return wrong(n, "a number of edges or a list of them belongs here")
	}
	if count < 1 || count > maxEdges {
		return wrong(n, "%d edges: there may be 1 to %d", count, maxEdges)
	}
	for i := range count {
		*e = append(*e, Edge{Name: fmt.Sprintf("edge-%d", i+1), lined: lined{n.GetToken().Position.Line}})
	}
	return nil
}

// MarshalYAML writes a number if that says all.
func (e Edges) MarshalYAML() (any, error) {
	for i, edge := range e {
		if (edge != Edge{Name: fmt.Sprintf("edge-%d", i+1), Switch: onlySwitch, lined: edge.lined}) {
			return []Edge(e), nil
		}
	}
	return len(e), nil
}

// Link is the faults of a link in either direction.
type Link struct {
	lined `yaml:"-"`
	// Down is towards the edge, Up towards the origin.
	Down Faults `yaml:"down,omitempty"`
	Up   Faults `yaml:"up,omitempty"`
}

// Faults are what one direction of a link does to packets; see netem.Config.
type Faults struct {
	lined `yaml:"-"`
	// Rate is what the link carries, and Queue how much may wait for that.
	Rate  session.Rate `yaml:"rate,omitempty"`
	Queue Size         `yaml:"queue,omitempty"`
	// Delay is what every packet takes, Jitter the most by which it takes longer.
	Delay  Duration `yaml:"delay,omitempty"`
	Jitter Duration `yaml:"jitter,omitempty"`
	// Loss is lost independently, Burst in bursts; MulticastLoss is lost of multicast alone.
	Loss          Share  `yaml:"loss,omitempty"`
	Burst         *Burst `yaml:"burst,omitempty"`
	MulticastLoss Share  `yaml:"multicast_loss,omitempty"`
	// Duplicate arrives twice; Reorder is held back by up to ReorderDelay; Corrupt has a bit turned.
	Duplicate    Share    `yaml:"duplicate,omitempty"`
	Reorder      Share    `yaml:"reorder,omitempty"`
	ReorderDelay Duration `yaml:"reorder_delay,omitempty"`
	Corrupt      Share    `yaml:"corrupt,omitempty"`
}

// Burst is loss in bursts of Length packets on average.
type Burst struct {
	Loss   Share   `yaml:"loss"`
	Length float64 `yaml:"length"`
}

// Session is how the origin sends.
type Session struct {
	lined `yaml:"-"`
	// Rate is what it sends at most; 0: 200 Mb/s.
	Rate session.Rate `yaml:"rate,omitempty"`
	// MTU is the largest IP packet in bytes; 0: 1,500.
	MTU int `yaml:"mtu,omitempty"`
	// IPv6 has the group in IPv6, SourceSpecific in the range of source-specific multicast.
	IPv6           bool `yaml:"ipv6,omitempty"`
	SourceSpecific bool `yaml:"source_specific,omitempty"`
	// Mode is two-way, also if it is empty, or one-way: then edges send nothing, and the origin sends
	// Proactive repair symbols for each source symbol.
	Mode      session.Mode `yaml:"mode,omitempty"`
	Proactive Share        `yaml:"proactive,omitempty"`
}

// OneWay reports whether edges send nothing.
func (s *Session) OneWay() bool { return s.Mode == session.OneWay }

// Expect is what must hold. Zero is no expectation.
type Expect struct {
	lined `yaml:"-"`
	// Completion bounds the time from the call to publish until the last edge that runs at
	// the end serves it, for every publication.
	Completion Duration `yaml:"completion,omitempty"`
	// PurgeP50 and PurgeP99 bound the latency of measured purges, over purges and edges.
	PurgeP50 Duration `yaml:"purge_p50,omitempty"`
	PurgeP99 Duration `yaml:"purge_p99,omitempty"`
	// Overhead bounds bytes on the origin's wire over bytes published.
	Overhead float64 `yaml:"overhead,omitempty"`
	// Feedback bounds bytes that edges send over bytes that the origin sends.
	Feedback Share `yaml:"feedback,omitempty"`
	// Failures are publications that an edge must fail to store, with a reason, and serve nothing of.
	Failures []Failure `yaml:"failures,omitempty"`
	// Settle is how long after the timeline the edges may take to have everything; 0: 20 s.
	Settle Duration `yaml:"settle,omitempty"`
}

// Failure is a publication that an edge must fail to store.
type Failure struct {
	lined       `yaml:"-"`
	Edge        string `yaml:"edge"`
	Publication string `yaml:"publication"`
}

// Load reads and checks a file. Errors are *Error.
func Load(path string) (*Scenario, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// Parse is Load for a text.
func Parse(path string, text []byte) (*Scenario, error) {
	s := &Scenario{File: path}
	err := parse(text, s)
	if err == nil {
		s.complete()
		err = s.check()
	}
	var e *Error
	if errors.As(err, &e) {
		e.File = path
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// complete puts in the defaults.
func (s *Scenario) complete() {
	if s.Seed == 0 {
		s.Seed = 1
	}
	if s.Session.Rate == 0 {
		s.Session.Rate = 200_000_000
	}
	if s.Session.MTU == 0 {
		s.Session.MTU = 1500
	}
	if s.Expect.Settle == 0 {
		s.Expect.Settle = Duration(defaultSettle)
	}
	if len(s.Topology.Switches) == 0 {
		s.Topology.Switches = []string{onlySwitch}
	}
	if s.Topology.Origin == "" {
		s.Topology.Origin = s.Topology.Switches[0]
	}
	for i := range s.Topology.Edges {
		if e := &s.Topology.Edges[i]; e.Switch == "" {
			e.Switch = s.Topology.Switches[0]
		}
	}
	for i := range s.Timeline {
		s.Timeline[i].complete()
	}
}

// LinkOf returns the faults of an edge's link, or of the origin's.
func (s *Scenario) LinkOf(name string) Link {
	if l, ok := s.Links[name]; ok || name == Origin {
		return l
	}
	return s.Links[All]
}
