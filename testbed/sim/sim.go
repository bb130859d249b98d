package sim

import (
	"errors"
	"fmt"
	"time"

	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
	"fanfare/sender"
	"fanfare/testbed/netem"
)

// ErrSpin says that an engine wants to be called again at once, for ever.
var ErrSpin = errors.New("sim: an engine spins")

// tsi is the session of every simulation.
const tsi = 1

// Simulation is one run. It is made by New, given things to happen by Publish and At, and
// carried out by Run.
type Simulation struct {
	cfg      Config
	now      mono.Time
	schedule schedule
	origin   origin
	edges    []edge
	classes  []class
	air      air
	objects  []*published
	byTOI    map[uint32]*published
	actions  []func()
	// pending counts actions to come, missing what edges still lack: objects times edges.
	pending, missing int
	trace            trace
	uplink           uplinkStats
	log              log
	verdict          LogResult
	arrivals         []Arrival
	err              error
}

// class is a set of edges whose links delay by the same and do nothing but lose, so that one
// event delivers to all of them.
type class struct {
	delay time.Duration
	edges []int
}

// New returns a simulation at time 0. It returns an error that says what is wrong with cfg.
func New(cfg Config) (*Simulation, error) {
	s := &Simulation{cfg: cfg, byTOI: make(map[uint32]*published), edges: make([]edge, len(cfg.Edges)), trace: traceStart}
	var err error
	if s.origin.trunk, err = netem.New(cfg.Trunk, cfg.stream(forTrunk, 0)); err != nil {
		return nil, fmt.Errorf("sim: trunk: %w", err)
	}
	for i := range cfg.Edges {
		if err := s.connect(i); err != nil {
			return nil, err
		}
	}
	if err := s.startOrigin(); err != nil {
		return nil, err
	}
	return s, nil
}

// connect makes the links of an edge, and has it start when it joins.
func (s *Simulation) connect(i int) (err error) {
	e := &s.edges[i]
	if e.down, e.up, err = s.cfg.links(i); err != nil {
		return err
	}
	if e.plain = e.down.Plain() && s.cfg.Edges[i].Intake == 0; e.plain {
		s.classify(i)
	}
	if s.cfg.Edges[i].Join == 0 {
		return s.startEdge(i)
	}
	if s.cfg.Edges[i].Join > 0 {
		s.At(s.cfg.Edges[i].Join, func() { s.fail(s.startEdge(i)) })
	}
	return nil
}

// classify puts an edge into the class of its delay.
func (s *Simulation) classify(i int) {
	delay := s.edges[i].down.Delay()
	for c := range s.classes {
		if s.classes[c].delay == delay {
			s.classes[c].edges = append(s.classes[c].edges, i)
			return
		}
	}
	s.classes = append(s.classes, class{delay: delay, edges: []int{i}})
}

// fail keeps the first error that a loop met.
func (s *Simulation) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// At has do called at a time. In it Publish and the methods on edges and origin may be called.
func (s *Simulation) At(at time.Duration, do func()) {
	s.actions = append(s.actions, do)
	s.pending++
	s.schedule.add(mono.Time(at), runAction, len(s.actions)-1, 0)
}

// Now returns the simulated time.
func (s *Simulation) Now() time.Duration { return time.Duration(s.now) }

// Publish adds an object to the log at a time.
func (s *Simulation) Publish(at time.Duration, oti fec.OTI) {
	s.At(at, func() { s.fail(s.publish(Object{OTI: oti})) })
}

// Link returns the links of an edge, for a test that cuts them.
func (s *Simulation) Link(i int) (down, up *netem.Link) { return s.edges[i].down, s.edges[i].up }

// Run goes on until every edge has every object and nothing more is planned, or until a time. It
// may be called again with a later one.
func (s *Simulation) Run(until time.Duration) (Result, error) {
	for s.err == nil && (s.missing > 0 || s.pending > 0) {
		ev, ok := s.schedule.next()
		if !ok {
			break
		}
		if ev.at > mono.Time(until) {
			s.schedule.add(ev.at, ev.kind, int(ev.a), int(ev.b))
			break
		}
		s.step(ev)
	}
	return s.result(), s.err
}

// RunOn goes on for a while even if there is nothing left to do.
func (s *Simulation) RunOn(d time.Duration) (Result, error) {
	s.advance(d)
	return s.result(), s.err
}

// advance is RunOn without a result, which takes its time with many edges.
func (s *Simulation) advance(d time.Duration) {
	until := s.now.Add(d)
	for s.err == nil {
		ev, ok := s.schedule.next()
		if !ok {
			break
		}
		if ev.at > until {
			s.schedule.add(ev.at, ev.kind, int(ev.a), int(ev.b))
			break
		}
		s.step(ev)
	}
	if s.err == nil {
		s.now = max(s.now, until)
	}
}

// step carries out one event.
func (s *Simulation) step(ev event) {
	s.now = ev.at
	switch ev.kind {
	case wakeSender:
		if s.origin.engine != nil && ev.at == s.origin.armed {
			s.origin.armed = mono.Never
			s.origin.engine.HandleTimeout(s.now)
			s.pumpOrigin()
		}
	case wakeEdge:
		if e := &s.edges[ev.a]; e.engine != nil && ev.at == e.armed {
			e.armed = mono.Never
			if s.now < e.paused {
				e.armed = e.paused
				s.schedule.add(e.armed, wakeEdge, int(ev.a), 0)
				return
			}
			e.engine.HandleTimeout(s.now)
			s.pumpEdge(int(ev.a), nil)
		}
	case deliverClass:
		s.deliverTrain(int(ev.a), int(ev.b))
	case deliverEdge:
		s.deliverOne(int(ev.a), int(ev.b))
	case leaveTrunk:
		s.spread([]int{int(ev.a)})
		s.air.release(int(ev.a))
	case takeIn:
		s.takeIn(int(ev.a), int(ev.b))
	case deliverUp:
		if s.origin.engine != nil {
			s.origin.engine.HandleFeedback(s.now, &s.air.feedback[ev.a])
			s.receive(&s.air.feedback[ev.a])
		}
		s.air.landed(int(ev.a))
		s.pumpOrigin()
	case catchUpEnds:
		s.caughtUp(int(ev.a), int(ev.b))
	case fetchBlocks:
		s.fetchBlocks(int(ev.a), int(ev.b))
	case runAction:
		s.pending--
		s.actions[ev.a]()
		s.pumpOrigin()
	}
}

// receive takes note of what a report tells of the log.
func (s *Simulation) receive(f *wire.Feedback) {
	if f.Report == nil {
		return
	}
	if e := &s.edges[f.Edge-1]; f.Report.Complete > e.receipt {
		e.receipt, e.receiptAt = f.Report.Complete, s.now
	}
}

// published is an object in the log.
type published struct {
	sequence     uint64
	bare         bool // an entry without a bundle
	toi, control uint32
	oti, entry   fec.OTI
	part         fec.Partition
	priority     sender.Priority
	at           mono.Time
	passed       mono.Time // end of the first pass
	blocks       []tally
	done         []mono.Time // of each edge; Never if not
	have         []blockSet  // of each edge
	statement    *statement  // nil: the entry says nothing real
}

// publish adds an object to the log and hands it to the sender.
func (s *Simulation) publish(what Object) error {
	oti := what.OTI
	part, err := oti.Partition()
	if what.Bare {
		oti, part, err = fec.OTI{}, fec.Partition{}, nil
	}
	switch {
	case err != nil:
		return fmt.Errorf("sim: %w", err)
	case s.origin.engine == nil:
		return ErrDown
	case what.statement == nil && s.log.catalogue != nil:
		return fmt.Errorf("%w: this one has real entries", ErrLog)
	}
	sequence := uint64(len(s.objects) + 1)
	o := &published{
		sequence: sequence, toi: wire.DataTOI(sequence), control: wire.ControlTOI(sequence),
		oti: oti, part: part, at: s.now, passed: mono.Never,
		priority: what.Priority,
		bare:     what.Bare, entry: what.entry(oti), statement: what.statement,
		blocks: make([]tally, part.Blocks()),
		done:   make([]mono.Time, len(s.edges)),
		have:   make([]blockSet, len(s.edges)),
	}
	for i := range o.done {
		o.done[i] = mono.Never
	}
	s.objects = append(s.objects, o)
	s.byTOI[o.toi], s.byTOI[o.control] = o, o
	for i := range s.edges {
		if s.edges[i].engine != nil {
			s.missing++
		}
	}
	return s.offer(o, false)
}
