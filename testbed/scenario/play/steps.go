package play

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fanfare/testbed/scenario"
)

// do carries out the action of a step.
func (x *execution) do(ctx context.Context, s *scenario.Step) error {
	switch {
	case s.Publish != nil:
		_, err := x.publish(ctx, s.Publish)
		return err
	case s.Purge != nil:
		return x.purge(ctx, s.Purge)
	case s.Purges != nil:
		return x.purges(ctx, s.Purges)
	case s.Pause != nil:
		return x.during(ctx, func() error { return x.bed.pause(ctx, s.Pause.Node, time.Duration(s.Pause.For)) })
	case s.Link != nil:
		return x.bed.setLink(s.Link.Edge, s.Link.Down, s.Link.Up)
	case s.ClockJump != nil:
		return x.bed.clockJump(s.ClockJump.Node, time.Duration(s.ClockJump.By))
	case s.Check:
		return x.check(ctx)
	case s.Wait != nil:
		return x.wait(ctx, s.Wait)
	}
	return x.each(ctx, s)
}

// each carries out an action that takes names.
func (x *execution) each(ctx context.Context, s *scenario.Step) error {
	for _, a := range []struct {
		names scenario.Names
		do    func(name string) error
	}{
		{s.Kill, func(name string) error { return x.power(ctx, name, powerKill) }},
		{s.Stop, func(name string) error { return x.power(ctx, name, powerStop) }},
		{s.Restart, func(name string) error { return x.power(ctx, name, powerStart) }},
		{s.Join, func(name string) error { return x.power(ctx, name, powerStart) }},
		{s.Cut, func(name string) error { return x.plug(name, false) }},
		{s.Heal, func(name string) error { return x.plug(name, true) }},
		{s.FullDisk, func(name string) error { return x.bed.fillDisk(name, true) }},
		{s.FreeDisk, func(name string) error { return x.bed.fillDisk(name, false) }},
	} {
		for _, name := range a.names {
			if err := a.do(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// during does something that may take long while the samples go on.
func (x *execution) during(ctx context.Context, do func() error) error {
	return x.bed.during(do, func() { x.tick(ctx, false) })
}

func (x *execution) power(ctx context.Context, name string, what power) error {
	if err := x.during(ctx, func() error { return x.bed.power(ctx, name, what) }); err != nil {
		return err
	}
	if i := x.index(name); i >= 0 {
		x.up[i] = what == powerStart
	}
	return nil
}

func (x *execution) plug(name string, in bool) error {
	if err := x.bed.plug(name, in); err != nil {
		return err
	}
	for i := range x.plugged {
		if i == x.index(name) || name == scenario.Origin {
			x.plugged[i] = in
		}
	}
	return nil
}

func (x *execution) publish(ctx context.Context, step *scenario.Publish) (*publication, error) {
	p := &publication{step: step, objects: objectsOf(step, x.s.Seed), at: x.bed.now()}
	for range x.s.Topology.Edges {
		p.fraction = append(p.fraction, 0)
		p.served = append(p.served, -1)
	}
	for _, o := range p.objects {
		p.bytes += o.size
	}
	x.ledger.publish(p.objects)
	if err := x.during(ctx, func() error { return x.bed.publish(ctx, p) }); err != nil {
		return nil, err
	}
	x.publications = append(x.publications, p)
	return p, nil
}

func (x *execution) purge(ctx context.Context, step *scenario.Purge) error {
	objects, keys := x.ledger.selected(step)
	if step.Publication != "" && len(keys) == 0 {
		return nil // purged before
	}
	if err := x.during(ctx, func() error { return x.bed.purge(ctx, step, keys) }); err != nil {
		return err
	}
	x.ledger.purge(objects)
	return nil
}

// purges publishes small objects, purges one after the other, and measures.
func (x *execution) purges(ctx context.Context, step *scenario.Purges) error {
	name := "purges"
	for n := 2; x.publication(name) != nil; n++ {
		name = fmt.Sprintf("purges-%d", n)
	}
	// One more than are purged, so that each is a file below the prefix.
	p, err := x.publish(ctx, &scenario.Publish{Name: name, Path: "/" + name, Files: step.Times + 1, Size: 1000})
	if err != nil {
		return err
	}
	if err := x.wait(ctx, []string{name}); err != nil {
		return err
	}
	for _, o := range p.objects[:step.Times] {
		if err := x.sleepUntil(ctx, x.bed.now()+time.Duration(step.Every)); err != nil {
			return err
		}
		err := x.during(ctx, func() error {
			measured, err := x.bed.measurePurge(ctx, o.key)
			if err == nil {
				x.result.Purges = append(x.result.Purges, measured)
			}
			return err
		})
		if err != nil {
			return err
		}
		x.ledger.purge([]*object{o})
	}
	return nil
}

// check lets the edges come to rest and compares everything.
func (x *execution) check(ctx context.Context) error {
	if err := x.settle(ctx); err != nil {
		return err
	}
	found, err := x.bed.verify(ctx, x.ledger)
	if err != nil {
		return err
	}
	if x.findings == nil {
		x.findings = &findings{}
	}
	f := x.findings
	f.answers += found.answers
	f.digests += found.digests
	f.refusals += found.refusals
	f.differ = append(f.differ, found.differ...)
	f.digest = append(f.digest, found.digest...)
	f.purged = append(f.purged, found.purged...)
	return nil
}

// wait waits until every edge that runs and can be reached serves the publications.
func (x *execution) wait(ctx context.Context, names []string) error {
	return x.until(ctx, conditionLimit, func() string {
		for _, p := range x.publications {
			if !slices.Contains(names, p.step.Name) && !slices.Contains(names, scenario.All) {
				continue
			}
			for i, e := range x.result.Edges {
				if x.up[i] && x.plugged[i] && p.served[i] < 0 && !x.ledger.failing[[2]string{e.Name, p.step.Name}] {
					return fmt.Sprintf("%s has %.0f%% of %s", e.Name, 100*p.fraction[i], p.step.Name)
				}
			}
		}
		return ""
	})
}
