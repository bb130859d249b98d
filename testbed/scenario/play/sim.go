package play

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"fanfare/control"
	"fanfare/internal/mono"
	"fanfare/sender"
	"fanfare/testbed/netem"
	"fanfare/testbed/report"
	"fanfare/testbed/scenario"
	"fanfare/testbed/sim"
)

// simBed is the simulator: engines and catalogues over links of netem's model.
type simBed struct {
	s         *scenario.Scenario
	ledger    *ledger
	sim       *sim.Simulation
	edges     []simEdge
	published []*publication
	head      uint64   // newest sequence
	bytes     []uint64 // of the bundle of each sequence; noBundle
	retired   uint64   // all bundles up to it are
	// up says which edges run, cut whose cable is out.
	up, cut []bool
	origin  bool
	// gone are findings about purged keys that came back, asked counts the questions.
	gone  []string
	asked int
}

func newSimBed(s *scenario.Scenario, x *execution) (bed, error) {
	for _, e := range s.Topology.Edges {
		if e.Disk != 0 {
			return nil, fmt.Errorf("%w: there are no disks in a simulation, so none that is full", errNotHere)
		}
	}
	overhead := 28
	if s.Session.IPv6 {
		overhead = 48
	}
	n := len(s.Topology.Edges)
	b := &simBed{s: s, ledger: x.ledger, origin: true, up: make([]bool, n), cut: make([]bool, n)}
	late := map[string]bool{}
	for _, step := range s.Timeline {
		for _, name := range step.Join {
			late[name] = true
		}
	}
	config := sim.Config{
		Seed: s.Seed, Entries: true, Observe: true, OneWay: oneWayOf(&s.Session), Trunk: s.LinkOf(scenario.Origin).Down.Model(),
		Sender: sender.Config{Rate: uint64(s.Session.Rate), PacketOverhead: overhead},
	}
	for i, e := range s.Topology.Edges {
		l := s.LinkOf(e.Name)
		edge := sim.Edge{Down: l.Down.Model(), Up: inRow(l.Up.Model(), s.LinkOf(scenario.Origin).Up.Model())}
		if b.up[i] = !late[e.Name]; !b.up[i] {
			edge.Join = -1
		}
		config.Edges = append(config.Edges, edge)
		b.edges = append(b.edges, simEdge{map[uint64]time.Duration{}, map[uint64]time.Duration{}})
	}
	var err error
	b.sim, err = sim.New(config)
	return b, err
}

// noBundle stands in simBed.bytes for an entry without a bundle.
const noBundle = ^uint64(0)

// inRow is a link followed by another, which all edges share, as far as one link can be like two.
func inRow(l, shared netem.Config) netem.Config {
	l.Delay += shared.Delay
	l.Jitter += shared.Jitter
	l.Loss = 1 - (1-l.Loss)*(1-shared.Loss)
	l.Duplicate = 1 - (1-l.Duplicate)*(1-shared.Duplicate)
	return l
}

func (b *simBed) where() string {
	words := fmt.Sprintf("simulation: the engines of 1 origin and %d edges, in simulated time", len(b.edges))
	if len(b.s.Topology.Routers) > 0 {
		words += "; switches and routers are not part of it"
	}
	return words
}

// start lets the edges be heard first.
func (b *simBed) start(ctx context.Context) error { return b.sleep(ctx, 200*time.Millisecond) }

func (b *simBed) now() time.Duration { return b.sim.Now() }

func (b *simBed) sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, err := b.sim.RunOn(d); err != nil {
		return err
	}
	return b.collect()
}

func (b *simBed) during(do func() error, tick func()) error {
	err := do()
	tick()
	return err
}

func (b *simBed) publish(_ context.Context, p *publication) error {
	if !b.origin {
		return errors.New("the origin does not run")
	}
	priority, err := sender.ParsePriority(p.step.Priority)
	if err != nil {
		return err
	}
	for i, bundle := range bundles(p.objects) {
		objects, err := contentObjects(bundle)
		if err != nil {
			return err
		}
		if p.last, err = b.sim.AddObjectsAs(priority, objects...); err != nil {
			return err
		}
		if i == 0 {
			p.first = p.last
		}
		b.head = p.last
		p.bundles++
		var bytes uint64
		for _, o := range bundle {
			bytes += uint64(o.size)
		}
		b.bytes = append(b.bytes, bytes)
	}
	b.published = append(b.published, p)
	return b.collect()
}

func (b *simBed) purge(_ context.Context, p *scenario.Purge, keys []string) error {
	_, err := b.purgeKeys(p, keys)
	return err
}

// purgeKeys adds the entries of a purge and returns the sequence of the last.
func (b *simBed) purgeKeys(p *scenario.Purge, keys []string) (last uint64, err error) {
	if !b.origin {
		return 0, errors.New("the origin does not run")
	}
	entries, err := purgeEntries(p, keys)
	if err != nil {
		return 0, err
	}
	if p.All {
		entries = append(entries, b.retire()...)
	}
	for _, e := range entries {
		if last, err = b.sim.AddEntry(e); err != nil {
			return 0, err
		}
		b.head = last
		b.bytes = append(b.bytes, noBundle)
	}
	return last, b.collect()
}

// retire is what an origin says after a purge of everything: that it no longer keeps the bundles.
// Without it an edge that had not yet read the manifest of one could not close that entry.
func (b *simBed) retire() (list []control.Entry) {
	var sequences []uint64
	for i, bytes := range b.bytes {
		if sequence := uint64(i) + 1; sequence > b.retired && bytes != noBundle {
			sequences = append(sequences, sequence)
		}
	}
	b.retired = b.head
	for some := range slices.Chunk(sequences, control.MaxRetired) {
		list = append(list, control.Entry{Kind: control.KindRetire, Retire: some})
	}
	return list
}

func (b *simBed) measurePurge(ctx context.Context, key string) (report.Purge, error) {
	called := b.now()
	result := report.Purge{At: called.Seconds(), Edges: make([]float64, len(b.edges))}
	sequence, err := b.purgeKeys(&scenario.Purge{}, []string{key})
	if err != nil {
		return result, err
	}
	for deadline := called + purgeLimit; b.now() < deadline; {
		missing := false
		for i, e := range b.edges {
			result.Edges[i] = -1
			if at, ok := e.applied[sequence]; ok {
				result.Edges[i] = (at - called).Seconds()
			} else if b.up[i] && !b.cut[i] {
				missing = true
			}
		}
		if !missing {
			break
		}
		if err := b.sleep(ctx, time.Millisecond); err != nil {
			return result, err
		}
	}
	return result, nil
}

func (b *simBed) power(ctx context.Context, name string, what power) error {
	i := b.index(name)
	switch {
	case i < 0 && what == powerStart:
		b.origin = true
		b.sim.RestartOrigin()
	case i < 0:
		b.origin = false
		b.sim.StopOrigin()
	case what == powerStart:
		b.up[i] = true
		return b.sim.StartEdge(i)
	default:
		b.up[i] = false
		b.sim.StopEdge(i)
	}
	return b.collect()
}

func (b *simBed) pause(ctx context.Context, name string, d time.Duration) error {
	i := b.index(name)
	if i < 0 {
		return fmt.Errorf("%w: the simulator does not pause an origin", errNotHere)
	}
	b.sim.PauseEdge(i, d)
	return b.sleep(ctx, d)
}

func (b *simBed) plug(name string, in bool) error {
	var until time.Duration = 1 << 62
	if in {
		until = 0
	}
	for i := range b.edges {
		if i == b.index(name) || name == scenario.Origin {
			b.cut[i] = !in
			down, up := b.sim.Link(i)
			down.Cut(mono.Time(until))
			up.Cut(mono.Time(until))
		}
	}
	return nil
}

func (b *simBed) setLink(edge string, down, up scenario.Faults) error {
	for i := range b.edges {
		if i == b.index(edge) || edge == scenario.All {
			if err := b.sim.SetLinks(i, down.Model(), inRow(up.Model(), b.s.LinkOf(scenario.Origin).Up.Model())); err != nil {
				return err
			}
		}
	}
	return nil
}

// clockJump changes the time that entries of the origin bear. Nothing else in engines and
// catalogues knows a wall clock, on either side.
func (b *simBed) clockJump(name string, by time.Duration) error {
	if name == scenario.Origin {
		b.sim.JumpClock(by)
	}
	return nil
}

func (b *simBed) fillDisk(string, bool) error {
	return fmt.Errorf("%w: there are no disks in a simulation", errNotHere)
}

func (b *simBed) index(name string) int {
	for i, e := range b.s.Topology.Edges {
		if e.Name == name {
			return i
		}
	}
	return -1
}

// look brings the publications up to date.
func (b *simBed) look(context.Context) report.Sample {
	for _, p := range b.published {
		for i := range b.edges {
			if p.served[i] < 0 {
				b.progress(p, i)
			}
		}
	}
	stats, feedback := b.sim.SenderStats()
	s := report.Sample{
		WireBytes: stats.BytesSent, FeedbackBytes: feedback, SourceSymbols: stats.SourceSymbolsSent,
		RepairSymbols: stats.RepairSymbolsSent + stats.ProactiveSymbolsSent, NACKs: stats.NACKsReceived,
		Edges: make([]report.EdgeSample, len(b.edges)),
	}
	for i := range b.edges {
		stats := b.sim.EdgeStats(i)
		s.Edges[i] = report.EdgeSample{
			Received: stats.PacketsReceived * uint64(b.s.Session.MTU), Lost: uint64(stats.PacketsLost),
		}
	}
	return s
}

// progress works out how much of a publication an edge has.
func (b *simBed) progress(p *publication, i int) {
	var have, all float64
	var at time.Duration
	complete := true
	for sequence := p.first; sequence <= p.last; sequence++ {
		weight, fraction := 1.0, b.sim.Fraction(i, sequence)
		if bytes := b.bytes[sequence-1]; bytes != noBundle {
			weight += float64(bytes)
		}
		all += weight
		have += weight * fraction
		complete = complete && fraction == 1
		if served, ok := b.edges[i].served[sequence]; ok {
			at = max(at, served)
		} else {
			at = b.now() // purged before it was whole, and given up
		}
	}
	p.fraction[i] = have / max(all, 1)
	if complete {
		p.fraction[i], p.served[i] = 1, at-p.at
	}
}

func (b *simBed) finish(_ context.Context, r *report.Result) {
	result, _ := b.sim.RunOn(0) // an error was met before
	r.Trace = fmt.Sprintf("%016x", result.Trace)
	r.Origin = report.Origin{
		BytesSent: result.Sender.BytesSent, SourceSymbolsSent: result.Sender.SourceSymbolsSent,
		RepairSymbolsSent: result.Sender.RepairSymbolsSent + result.Sender.ProactiveSymbolsSent,
		NACKsReceived:     result.Sender.NACKsReceived, GRTTSeconds: result.Sender.GRTT.Seconds(),
	}
	for i := range r.Edges {
		stats := b.sim.EdgeStats(i)
		e := &r.Edges[i]
		e.Running = b.up[i]
		e.PacketsReceived, e.PacketsLost, e.NACKsSent = stats.PacketsReceived, uint64(stats.PacketsLost), stats.NACKsSent
		e.BlocksDecoded, e.RTTSeconds = stats.BlocksDecoded, stats.RTT.Seconds()
		down, up := b.sim.Link(i)
		l := b.s.LinkOf(e.Name)
		e.Down, e.Up = simLink(l.Down, down.Stats()), simLink(l.Up, up.Stats())
	}
}

func simLink(f scenario.Faults, s netem.Stats) report.Link {
	return report.Link{
		Faults: f.String(), Counted: true, Sent: s.Sent, Lost: s.Lost, QueueDrops: s.QueueDrops,
		Duplicated: s.Duplicated, Reordered: s.Reordered, Corrupted: s.Corrupted,
	}
}

func (b *simBed) close() error { return nil }
