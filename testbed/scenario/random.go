package scenario

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"fanfare/internal/session"
)

// Random returns a scenario drawn from a seed: topology, faults, publications, purges, and
// machines that die and come back. What always must hold is all that it expects. The same seed
// gives the same scenario. Only is InSimulation, InNamespaces or empty; it decides what is left out.
func Random(seed uint64, only Bed) *Scenario {
	g := &generator{rng: rand.New(rand.NewPCG(seed, 0x736f616b)), bed: only}
	g.s = &Scenario{
		Name: fmt.Sprintf("soak-%d", seed), Seed: max(seed, 1), Only: only,
		About: fmt.Sprintf("Drawn from seed %d by fanfare testbed soak.", seed),
	}
	g.topology()
	g.session()
	// On an idle link a burst takes as many heartbeats, of which there is one a second.
	g.s.Expect.Settle = Duration(time.Minute)
	g.happen()
	g.s.complete()
	if err := g.s.check(); err != nil {
		panic(fmt.Sprintf("scenario: seed %d gives no scenario: %v\n%s", seed, err, g.s.Format()))
	}
	return g.s
}

// generator draws one scenario. It follows the state of the machines, so that what it draws can be.
type generator struct {
	rng *rand.Rand
	bed Bed
	s   *Scenario
	// late are edges that have not joined, down and cut nodes that are.
	late, down, cut []string
	// names are the publications, paths those that were published to.
	names, paths []string
}

// one draws with a chance.
func (g *generator) one(chance float64) bool { return g.rng.Float64() < chance }

func pick[T any](g *generator, list []T) T { return list[g.rng.IntN(len(list))] }

// take draws a name and takes it out of a list.
func (g *generator) take(list *[]string) string {
	i := g.rng.IntN(len(*list))
	name := (*list)[i]
	*list = slices.Delete(*list, i, i+1)
	return name
}

func (g *generator) topology() {
	t := &g.s.Topology
	if g.one(0.25) {
		t.Switches = []string{"core", "branch"}
		t.Routers = []Router{{Name: "router", Between: []string{"core", "branch"}}}
	} else {
		t.Switches = []string{onlySwitch}
	}
	for i := range 1 + g.rng.IntN(6) {
		name := fmt.Sprintf("edge-%d", i+1)
		t.Edges = append(t.Edges, Edge{Name: name, Switch: pick(g, t.Switches)})
		if i > 0 && g.one(0.15) {
			g.late = append(g.late, name)
		}
	}
	g.s.Links = map[string]Link{All: {Down: g.faults(), Up: g.faults()}}
	for _, e := range t.Edges {
		if g.one(0.3) {
			g.s.Links[e.Name] = Link{Down: g.faults(), Up: g.faults()}
		}
	}
}

// faults draws one direction of a link.
func (g *generator) faults() (f Faults) {
	if g.one(0.5) {
		f.Delay = Duration(time.Duration(g.rng.IntN(40)) * time.Millisecond)
	}
	if g.one(0.3) {
		f.Jitter = Duration(time.Duration(g.rng.IntN(10)) * time.Millisecond)
	}
	if g.one(0.6) {
		f.Loss = Share(g.rng.IntN(150)) / 1000
	}
	if g.one(0.2) {
		f.Burst = &Burst{Loss: Share(1+g.rng.IntN(50)) / 1000, Length: float64(1 + g.rng.IntN(6))}
	}
	if g.one(0.2) {
		f.Duplicate = Share(g.rng.IntN(200)) / 1000
	}
	if g.one(0.2) {
		f.Reorder, f.ReorderDelay = Share(g.rng.IntN(200))/1000, Duration(time.Duration(1+g.rng.IntN(30))*time.Millisecond)
	}
	if g.one(0.15) {
		f.Corrupt = Share(g.rng.IntN(20)) / 1000
	}
	return f
}

func (g *generator) session() {
	g.s.Session = Session{
		Rate:           session.Rate(pick(g, []int{20, 50, 100, 200})) * 1_000_000,
		IPv6:           g.one(0.3),
		SourceSpecific: g.one(0.3),
	}
}

// happen draws the timeline, and brings everything back at its end.
func (g *generator) happen() {
	g.publish()
	for range 6 + g.rng.IntN(10) {
		g.step()
	}
	if slices.Contains(g.down, Origin) {
		g.down = slices.DeleteFunc(g.down, func(name string) bool { return name == Origin })
		g.add(Step{Restart: Names{Origin}})
	}
	for len(g.cut) > 0 {
		g.add(Step{Heal: Names{g.take(&g.cut)}})
	}
	for len(g.down) > 0 && !g.one(0.1) {
		g.add(Step{Restart: Names{g.take(&g.down)}})
	}
	for len(g.late) > 0 {
		g.add(Step{Join: Names{g.take(&g.late)}})
	}
	g.add(Step{Wait: Names{All}})
}

// add adds a step, often after some time.
func (g *generator) add(s Step) {
	if s.When == nil && g.one(0.6) {
		d := Duration(time.Duration(g.rng.IntN(400)) * time.Millisecond)
		s.After = &d
	}
	g.s.Timeline = append(g.s.Timeline, s)
}

// step draws one step.
func (g *generator) step() {
	origin := !slices.Contains(g.down, Origin)
	switch draw := g.rng.IntN(20); {
	case !origin && draw < 12:
		g.down = slices.DeleteFunc(g.down, func(name string) bool { return name == Origin })
		g.add(Step{Restart: Names{Origin}})
	case draw < 6 && origin:
		g.publish()
	case draw < 9 && origin:
		g.purge()
	case draw < 11 && len(g.down) > 0 && origin:
		g.add(Step{Restart: Names{g.take(&g.down)}})
	case draw < 12 && len(g.late) > 0:
		g.add(Step{Join: Names{g.take(&g.late)}})
	case draw < 14:
		g.fell(origin)
	case draw == 14 && len(g.cut) > 0:
		g.add(Step{Heal: Names{g.take(&g.cut)}})
	case draw == 15:
		if e := g.running(); e != "" {
			g.cut = append(g.cut, e)
			g.add(Step{Cut: Names{e}})
		}
	case draw == 16:
		if e := g.running(); e != "" {
			g.add(Step{Pause: &Pause{Node: e, For: Duration(time.Duration(10+g.rng.IntN(500)) * time.Millisecond)}})
		}
	case draw == 17:
		e := pick(g, g.s.Topology.Edges).Name
		g.add(Step{Link: &Change{Edge: e, Down: g.faults(), Up: g.faults()}})
	case draw == 18 && origin:
		g.add(Step{Wait: Names{All}})
	case draw == 19 && origin:
		g.add(Step{Wait: Names{All}})
		g.add(Step{Check: true})
	}
}

// running draws an edge that runs and is not cut off; "" if there is none.
func (g *generator) running() string {
	var list []string
	for _, e := range g.s.Topology.Edges {
		if !slices.Contains(g.late, e.Name) && !slices.Contains(g.down, e.Name) && !slices.Contains(g.cut, e.Name) {
			list = append(list, e.Name)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return pick(g, list)
}

// fell kills or stops a machine, if the origin runs perhaps in the middle of a new publication.
func (g *generator) fell(origin bool) {
	var s Step
	victim := g.running()
	if origin && g.one(0.5) {
		g.publish()
		if victim != "" {
			s.When = &When{Edge: victim, Has: Share(g.rng.IntN(60)) / 100, Of: g.names[len(g.names)-1]}
		}
	}
	if origin && g.one(0.3) {
		victim = Origin
	}
	if victim == "" {
		return
	}
	if g.one(0.8) {
		s.Kill = Names{victim}
	} else {
		s.Stop = Names{victim}
	}
	g.down = append(g.down, victim)
	g.add(s)
}

// publish draws a publication: of new keys, or new versions of old ones.
func (g *generator) publish() {
	p := &Publish{Name: fmt.Sprintf("p%d", len(g.names)+1), Files: 1}
	switch g.rng.IntN(4) {
	case 0:
		p.Size = Size(g.rng.IntN(3_000_000))
	case 1:
		p.Files, p.Size = 1+g.rng.IntN(200), Size(g.rng.IntN(20_000))
	case 2:
		p.Files, p.Size = 1+g.rng.IntN(6), Size(g.rng.IntN(1_200_000))
	default:
		p.Size = pick(g, []Size{0, 1, 1407, 1408, 1409, 4096, 100_000})
	}
	p.Path = "/" + p.Name
	if len(g.paths) > 0 && g.one(0.4) {
		p.Path = pick(g, g.paths)
	}
	if g.one(0.3) {
		p.Tags = []string{pick(g, []string{"red", "green"})}
	}
	if g.one(0.2) {
		p.Host = pick(g, []string{"a.example", "b.example"})
	}
	g.names, g.paths = append(g.names, p.Name), append(g.paths, p.Path)
	g.add(Step{Publish: p})
}

func (g *generator) purge() {
	p := &Purge{}
	switch g.rng.IntN(6) {
	case 0, 1, 2:
		p.Publication = pick(g, g.names)
	case 3:
		p.Tag = pick(g, []string{"red", "green"})
	case 4:
		p.Prefix = pick(g, g.paths)
	default:
		p.All = true
	}
	g.add(Step{Purge: p})
}
