package origin

import (
	"context"
	"slices"
	"time"

	"fanfare/internal/mono"
)

// release is a bundle that nothing points to any more: it was superseded, purged or removed.
type release struct {
	since time.Time
	// due is when it may be retired.
	due time.Time
	// fresh says that nobody has looked yet whether it is still being sent, urgent that it was, or that
	// an edge waits for the end of it.
	fresh, urgent bool
}

// releaseGrace is how long after its release edges may take to tell that they have a bundle.
const releaseGrace = 250 * time.Millisecond

// noteReleased takes note of bundles that nothing points to any more. The caller holds mu.
func (o *Origin) noteReleased(sequences []uint64, now time.Time) {
	for _, sequence := range sequences {
		if _, kept := o.spool.OTI(sequence); kept {
			o.released[sequence] = release{since: now, due: now.Add(o.config.RetireAfter), fresh: true}
			o.wakeRetire()
		}
	}
}

// wakeRetire has retire run soon.
func (o *Origin) wakeRetire() {
	select {
	case o.superseded <- struct{}{}:
	default:
	}
}

// hasten makes due, of the bundles just released, those that not every edge has: what is left of
// their transmission is of use to nobody, and an edge without the manifest waits for the retire
// entry. The first pass of a bundle is broken off at once; those that an edge lacks for
// another reason are due a moment later.
func (o *Origin) hasten(ctx context.Context, now time.Time) {
	fresh, settled := o.freshReleases(now)
	if len(fresh) == 0 {
		return
	}
	var passing []uint64
	err := o.loop.ask(ctx, func(now mono.Time) {
		for _, sequence := range fresh {
			if o.loop.bundles.holds(sequence) {
				o.loop.cancel(now, sequence)
				passing = append(passing, sequence)
			}
		}
	})
	if err != nil {
		return // the origin ends: the loop may still be at it, or will send nothing
	}
	lacking := o.edges.Lacking(now, settled)
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, sequence := range fresh {
		r, ok := o.released[sequence]
		sending, old := slices.Contains(passing, sequence), now.Sub(r.since) >= releaseGrace
		if !ok || !sending && !old {
			continue
		}
		if r.fresh = false; sending || slices.Contains(lacking, sequence) {
			r.due, r.urgent = now, true
		}
		o.released[sequence] = r
	}
}

// freshReleases returns the bundles of which nobody has looked yet whether they are being sent,
// ascending, and those of them that have been released for a moment.
func (o *Origin) freshReleases(now time.Time) (fresh, settled []uint64) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for sequence, r := range o.released {
		if !r.fresh {
			continue
		}
		fresh = append(fresh, sequence)
		if now.Sub(r.since) >= releaseGrace {
			settled = append(settled, sequence)
		}
	}
	slices.Sort(fresh)
	slices.Sort(settled)
	return fresh, settled
}
