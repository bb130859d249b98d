package scenario

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Names that are not an edge's.
const (
	Origin = "origin"
	All    = "all"
)

// Step is one thing that happens: exactly one of its actions.
type Step struct {
	lined `yaml:"-"`
	// At is when, since the start; After since the step before was done; When on a condition.
	// At most one of them; none: as soon as the step before is done.
	At    *Duration `yaml:"at,omitempty"`
	After *Duration `yaml:"after,omitempty"`
	When  *When     `yaml:"when,omitempty"`

	Publish *Publish `yaml:"publish,omitempty"`
	Purge   *Purge   `yaml:"purge,omitempty"`
	// Purges publishes small objects and purges each of them, and measures how long that takes.
	Purges *Purges `yaml:"purges,omitempty"`
	// Kill is kill -9, Stop is SIGTERM, Restart starts what was killed or stopped. An edge that a
	// Join names is not there before it.
	Kill    Names `yaml:"kill,omitempty"`
	Stop    Names `yaml:"stop,omitempty"`
	Restart Names `yaml:"restart,omitempty"`
	Join    Names `yaml:"join,omitempty"`
	// Pause stops a process for a time as a suspended machine does: its clocks jump.
	Pause *Pause `yaml:"pause,omitempty"`
	// Cut pulls the cable of an edge or of the origin, Heal plugs it in again.
	Cut  Names `yaml:"cut,omitempty"`
	Heal Names `yaml:"heal,omitempty"`
	// Link gives an edge's link other faults from here on.
	Link *Change `yaml:"link,omitempty"`
	// ClockJump sets the wall clock of a machine.
	ClockJump *ClockJump `yaml:"clock_jump,omitempty"`
	// FullDisk fills the disk of an edge, FreeDisk empties it again.
	FullDisk Names `yaml:"full_disk,omitempty"`
	FreeDisk Names `yaml:"free_disk,omitempty"`
	// Check compares everything at once, as it is done at the end in any case.
	Check bool `yaml:"check,omitempty"`
	// Wait waits until every edge that runs serves the publications; "all" are all so far.
	Wait Names `yaml:"wait,omitempty"`
}

// When is a condition: an edge has a share of a publication. It fails the run if it does not come true.
type When struct {
	lined `yaml:"-"`
	Edge  string `yaml:"edge"`
	Has   Share  `yaml:"has"`
	Of    string `yaml:"of"`
}

// Publish is a publication of files with random bytes.
type Publish struct {
	lined `yaml:"-"`
	// Name names the publication in this file; it is also a tag of its objects.
	Name string `yaml:"name"`
	// Path is the path of its URLs: a file's own, or what their names are appended to; empty: /NAME.
	Path string `yaml:"path,omitempty"`
	// Host is the host of its URLs; empty: any.
	Host string `yaml:"host,omitempty"`
	// Files is how many (0: 1), Size how long each is.
	Files int      `yaml:"files,omitempty"`
	Size  Size     `yaml:"size"`
	Tags  []string `yaml:"tags,omitempty"`
	// Priority is its class: urgent, normal or background; empty: normal.
	Priority string `yaml:"priority,omitempty"`
	// Within bounds the time until the last edge that runs at the end serves it, not counting those
	// that But names.
	Within Duration `yaml:"within,omitempty"`
	But    Names    `yaml:"but,omitempty"`
}

// Purge is what goes: exactly one of its fields.
type Purge struct {
	lined       `yaml:"-"`
	Publication string `yaml:"publication,omitempty"` // by the keys of its objects
	Tag         string `yaml:"tag,omitempty"`
	Prefix      string `yaml:"prefix,omitempty"`
	All         bool   `yaml:"all,omitempty"`
}

// Purges is purges whose latency is measured.
type Purges struct {
	lined `yaml:"-"`
	// Times is how many, one after the other, Every the time between them.
	Times int      `yaml:"times"`
	Every Duration `yaml:"every,omitempty"`
}

// Pause stops a process for a time.
type Pause struct {
	lined `yaml:"-"`
	Node  string   `yaml:"node"`
	For   Duration `yaml:"for"`
}

// Change is other faults for a link.
type Change struct {
	lined `yaml:"-"`
	Edge  string `yaml:"edge"`
	Down  Faults `yaml:"down,omitempty"`
	Up    Faults `yaml:"up,omitempty"`
}

// ClockJump is a jump of a wall clock.
type ClockJump struct {
	lined `yaml:"-"`
	Node  string `yaml:"node"`
	By    Offset `yaml:"by"`
}

// Names is one name or a list of names.
type Names []string

func (n *Names) decodeNode(node ast.Node) error {
	if text, err := scalar(node); err == nil {
		*n = Names{text}
		return nil
	}
	return decodeAny(node, (*[]string)(n))
}

// MarshalYAML writes one name alone.
func (n Names) MarshalYAML() (any, error) {
	if len(n) == 1 {
		return n[0], nil
	}
	return []string(n), nil
}

// complete puts in the defaults.
func (s *Step) complete() {
	if p := s.Publish; p != nil {
		if p.Files == 0 {
			p.Files = 1
		}
		if p.Path == "" {
			p.Path = "/" + p.Name
		}
	}
	if p := s.Purges; p != nil && p.Every == 0 {
		p.Every = Duration(defaultPurgeGap)
	}
}

// String says what the step does.
func (s *Step) String() string {
	switch {
	case s.Publish != nil:
		if s.Publish.Files == 1 {
			return fmt.Sprintf("publish %s: %v", s.Publish.Name, s.Publish.Size)
		}
		return fmt.Sprintf("publish %s: %d files of %v", s.Publish.Name, s.Publish.Files, s.Publish.Size)
	case s.Purge != nil:
		return "purge " + s.Purge.String()
	case s.Purges != nil:
		return fmt.Sprintf("%d purges, measured", s.Purges.Times)
	case s.Pause != nil:
		return fmt.Sprintf("pause %s for %v", s.Pause.Node, s.Pause.For)
	case s.Link != nil:
		return fmt.Sprintf("link of %s: down %v, up %v", s.Link.Edge, s.Link.Down, s.Link.Up)
	case s.ClockJump != nil:
		return fmt.Sprintf("clock of %s jumps by %v", s.ClockJump.Node, s.ClockJump.By)
	}
	if s.Check {
		return "check everything"
	}
	for _, a := range s.named() {
		if len(a.names) > 0 {
			return a.verb + " " + strings.Join(a.names, ", ")
		}
	}
	return "nothing"
}

// String says what is purged.
func (p *Purge) String() string {
	switch {
	case p.Publication != "":
		return p.Publication
	case p.Tag != "":
		return "tag " + p.Tag
	case p.Prefix != "":
		return "prefix " + p.Prefix
	}
	return "everything"
}

// action is an action that takes names.
type action struct {
	verb  string
	names Names
}

func (s *Step) named() []action {
	return []action{
		{"kill -9", s.Kill}, {"stop", s.Stop}, {"restart", s.Restart}, {"join", s.Join},
		{"cut", s.Cut}, {"heal", s.Heal}, {"fill the disk of", s.FullDisk}, {"free the disk of", s.FreeDisk},
		{"wait for", s.Wait},
	}
}

// actions counts the actions given.
func (s *Step) actions() (n int) {
	for _, given := range []bool{s.Publish != nil, s.Purge != nil, s.Purges != nil, s.Pause != nil, s.Link != nil, s.ClockJump != nil, s.Check} {
		if given {
			n++
		}
	}
	for _, a := range s.named() {
		if a.names != nil {
			n++
		}
	}
	return n
}
