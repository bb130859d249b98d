package play

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fanfare/internal/progress"
	"fanfare/testbed/report"
	"fanfare/testbed/scenario"
)

const (
	// tickEvery is how often conditions are looked at, sampleEvery how often a sample is kept.
	tickEvery   = 25 * time.Millisecond
	sampleEvery = 100 * time.Millisecond
	// conditionLimit is how long a condition or a wait may take.
	conditionLimit = 60 * time.Second
	// maxSamples and maxPoints, samples times edges, bound a report; beyond them every other
	// sample goes and the interval doubles.
	maxSamples = 1200
	maxPoints  = 200_000
)

// Options say how scenarios are run.
type Options struct {
	// Simulate runs them in the simulator instead of namespaces.
	Simulate bool
	// Binary is the fanfare command.
	Binary string
	// Dir is where the daemons' directories and logs go; empty: a temporary one, removed.
	Dir string
	// Board shows progress; nil: nothing does.
	Board *progress.Board
}

// Scenario runs one scenario. Whatever happens is in the result.
func Scenario(ctx context.Context, s *scenario.Scenario, o Options) *report.Result {
	began := time.Now()
	x := &execution{s: s, board: o.Board, ledger: newLedger(s), interval: sampleEvery}
	x.result = &report.Result{
		Name: s.Name, About: strings.TrimSpace(s.About), File: s.File, Bed: report.Namespaces, Seed: s.Seed,
		Rate: uint64(s.Session.Rate),
	}
	if o.Simulate {
		x.result.Bed = report.Simulation
	}
	for _, e := range s.Topology.Edges {
		x.result.Edges = append(x.result.Edges, report.Edge{Name: e.Name})
		x.up = append(x.up, true)
		x.plugged = append(x.plugged, true)
	}
	x.run(ctx, o)
	if x.board != nil {
		x.board.Close()
	}
	x.result.Elapsed = time.Since(began).Seconds()
	return x.result
}

// execution is a scenario under way.
type execution struct {
	s            *scenario.Scenario
	bed          bed
	ledger       *ledger
	board        *progress.Board
	result       *report.Result
	publications []*publication
	// up says which edges run, plugged which are not cut off.
	up, plugged []bool
	// stepped is when the last step was done.
	stepped time.Duration
	doing   string
	// sampled is when the last sample was kept, interval the time to the next.
	sampled, interval time.Duration
	findings          *findings
}

// run does all of it and sees to the verdict.
func (x *execution) run(ctx context.Context, o Options) {
	var err error
	if x.s.Only != "" && (x.s.Only == scenario.InSimulation) != o.Simulate {
		x.result.Verdict, x.result.Reason = report.Skipped, fmt.Sprintf("it is for %s only", x.s.Only)
		return
	}
	if o.Simulate {
		x.bed, err = newSimBed(x.s, x)
	} else {
		x.bed, err = newRealBed(x.s, o, x)
	}
	if err == nil {
		x.result.Where = x.bed.where()
		defer func() {
			if err := x.bed.close(); err != nil {
				x.note("at the end: %v", err)
			}
		}()
		err = x.carryOut(ctx)
	}
	switch {
	case errors.Is(err, errNotHere):
		x.result.Verdict, x.result.Reason = report.Skipped, err.Error()
	case err != nil:
		x.judge()
		x.result.Verdict, x.result.Reason = report.Failed, err.Error()
	default:
		x.judge()
	}
}

// carryOut goes through the timeline, lets the edges come to rest, and looks.
func (x *execution) carryOut(ctx context.Context) error {
	for _, step := range x.s.Timeline {
		for _, name := range step.Join {
			x.up[x.index(name)] = false
		}
	}
	x.doing = "starting"
	x.show()
	if err := x.bed.during(func() error { return x.bed.start(ctx) }, func() {}); err != nil {
		return err
	}
	x.tick(ctx, true) // what was sent until here does not count
	err := x.timeline(ctx)
	if err == nil {
		x.doing = "checking"
		x.show()
		err = x.check(ctx)
	}
	x.tick(ctx, true)
	x.result.Seconds = x.bed.now().Seconds()
	x.bed.finish(ctx, x.result)
	return err
}

func (x *execution) timeline(ctx context.Context) error {
	for i := range x.s.Timeline {
		step := &x.s.Timeline[i]
		x.doing = step.String()
		if err := x.due(ctx, step); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
		x.result.Timeline = append(x.result.Timeline, report.Moment{At: x.bed.now().Seconds(), What: step.String()})
		err := x.do(ctx, step)
		if errors.Is(err, errNotHere) {
			x.note("left out: %s: %v", step, err)
			x.result.Timeline[len(x.result.Timeline)-1].What += " (left out)"
		} else if err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
		x.stepped = x.bed.now()
	}
	return nil
}

// due waits until a step is to happen.
func (x *execution) due(ctx context.Context, s *scenario.Step) error {
	switch {
	case s.At != nil:
		return x.sleepUntil(ctx, time.Duration(*s.At))
	case s.After != nil:
		return x.sleepUntil(ctx, x.stepped+time.Duration(*s.After))
	case s.When != nil:
		e, p := x.index(s.When.Edge), x.publication(s.When.Of)
		return x.until(ctx, conditionLimit, func() string {
			if p.fraction[e] >= float64(s.When.Has) {
				return ""
			}
			return fmt.Sprintf("%s has %.0f%% of %s", s.When.Edge, 100*p.fraction[e], s.When.Of)
		})
	}
	return nil
}

func (x *execution) sleepUntil(ctx context.Context, at time.Duration) error {
	for x.bed.now() < at {
		x.tick(ctx, false)
		if err := x.bed.sleep(ctx, min(tickEvery, max(at-x.bed.now(), 0))); err != nil {
			return err
		}
	}
	return nil
}

// until waits until missing returns "", at most for limit.
func (x *execution) until(ctx context.Context, limit time.Duration, missing func() string) error {
	deadline := x.bed.now() + limit
	for {
		x.tick(ctx, false)
		what := missing()
		if what == "" {
			return nil
		}
		if x.bed.now() >= deadline {
			return fmt.Errorf("waited %v in vain: %s", limit, what)
		}
		if err := x.bed.sleep(ctx, tickEvery); err != nil {
			return err
		}
	}
}

// settle waits until every edge that runs and can be reached has the whole log.
func (x *execution) settle(ctx context.Context) error {
	var asked time.Duration = -time.Hour
	var last string
	err := x.until(ctx, time.Duration(x.s.Expect.Settle), func() string {
		if now := x.bed.now(); now-asked < sampleEvery {
			return last
		}
		asked, last = x.bed.now(), ""
		lacking, err := x.bed.behind(ctx)
		if err != nil {
			last = err.Error()
			return last
		}
		var list []string
		for i, what := range lacking {
			if what != "" && x.up[i] && x.plugged[i] {
				list = append(list, x.result.Edges[i].Name+" "+what)
			}
		}
		last = strings.Join(list, "; ")
		return last
	})
	if err != nil {
		return fmt.Errorf("after the timeline: %w", err)
	}
	return nil
}

// tick looks at the bed, keeps a sample if one is due, and shows progress.
func (x *execution) tick(ctx context.Context, last bool) {
	now := x.bed.now()
	if !last && now-x.sampled < x.interval && len(x.result.Samples) > 0 && x.result.Bed == report.Namespaces {
		return
	}
	sample := x.bed.look(ctx)
	sample.At = now.Seconds()
	for i := range x.result.Edges {
		e := &sample.Edges[i]
		e.Up = x.up[i] && x.plugged[i]
		for _, p := range x.publications {
			e.Bytes += int64(p.fraction[i] * float64(p.bytes))
		}
	}
	if last || len(x.result.Samples) == 0 || now-x.sampled >= x.interval {
		x.sampled = now
		x.result.Samples = append(x.result.Samples, sample)
		if n := len(x.result.Samples); n > maxSamples || n > 60 && n*len(x.result.Edges) > maxPoints {
			x.thin()
		}
	}
	x.show()
}

// thin keeps every other sample.
func (x *execution) thin() {
	kept := x.result.Samples[:0]
	for i := 0; i < len(x.result.Samples); i += 2 {
		kept = append(kept, x.result.Samples[i])
	}
	x.result.Samples, x.interval = kept, 2*x.interval
}

// show draws the edges' progress.
func (x *execution) show() {
	if x.board == nil {
		return
	}
	var all int64
	for _, p := range x.publications {
		all += p.bytes
	}
	const shown = 12
	for i, e := range x.result.Edges {
		if i == shown {
			break
		}
		var have int64
		for _, p := range x.publications {
			have += int64(p.fraction[i] * float64(p.bytes))
		}
		note := ""
		switch {
		case !x.up[i]:
			note = "not running"
		case !x.plugged[i]:
			note = "cut off"
		}
		if i == 0 {
			note = strings.TrimSpace(note + "  " + x.s.Name + ": " + x.doing)
		}
		x.board.Set(e.Name, have, max(all, 1), note)
	}
}

func (x *execution) note(format string, arguments ...any) {
	x.result.Notes = append(x.result.Notes, fmt.Sprintf(format, arguments...))
}

// index returns the number of an edge, -1 for the origin.
func (x *execution) index(name string) int {
	return slices.IndexFunc(x.s.Topology.Edges, func(e scenario.Edge) bool { return e.Name == name })
}

func (x *execution) publication(name string) *publication {
	for _, p := range x.publications {
		if p.step.Name == name {
			return p
		}
	}
	return nil
}
