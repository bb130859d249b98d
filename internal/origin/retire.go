package origin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fanfare/control"
	"fanfare/internal/mono"
	"fanfare/internal/origin/spool"
)

const (
	houseInterval = time.Second
	// retiredAtOnce is how many bundles one entry retires, retiredObjects how many objects there may
	// be in all but the last: their manifests are in memory together.
	retiredAtOnce  = 128
	retiredObjects = 1 << 15
	// retireAgain is how long a bundle is left alone that cannot be retired without harm.
	retireAgain = 10 * time.Minute
)

// keepHouse keeps the table of edges in order and stores it, settles small bundles, and retires
// those that are due, now and then, until ctx is done. Its errors end the origin.
func (o *Origin) keepHouse(ctx context.Context) error {
	ticker := time.NewTicker(houseInterval)
	defer ticker.Stop()
	all := false // what else than the urgent is to be retired
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-o.edges.Newcomers():
		case <-o.superseded:
			if all, err = o.retire(ctx, time.Now(), all); err != nil {
				return err
			}
		case now := <-ticker.C:
			if err := o.settle(); err != nil {
				return err
			}
			o.edges.Tidy(now)
			if all, err = o.retire(ctx, now, true); err != nil {
				return err
			}
		}
		if err := o.storeEdges(); err != nil {
			return err
		}
	}
}

// settle has the log forget the bundles whose files it has the spool make durable.
func (o *Origin) settle() error {
	sequences, err := o.spool.Settle()
	if err != nil || len(sequences) == 0 {
		return err
	}
	return o.entries.dropBundles(sequences)
}

// storeEdges makes durable what is new in the table of edges.
func (o *Origin) storeEdges() error {
	o.storing.Lock()
	defer o.storing.Unlock()
	save, forget := o.edges.TakeUnsaved()
	if len(save)+len(forget) == 0 {
		return nil
	}
	if err := o.entries.saveEdges(save, forget); err != nil {
		return fmt.Errorf("%w: %w", spool.ErrSync, err)
	}
	return nil
}

// candidate is a bundle that may be retired.
type candidate struct {
	sequence uint64
	manifest *control.Manifest
}

// retire appends retire entries for the bundles that nothing has pointed to for a while, or
// that are superseded while they are being sent, and then removes them: entry first, file second.
//
// An edge that never saw the manifest of a retired bundle must come to the same rows as the
// others, so keys that only a tag had killed are purged by name before.
//
// To find those the log is read since the oldest candidate: so between two rounds of all that is due
// only the urgent are retired. It wakes itself, and returns true, if it has not come to the end of all.
func (o *Origin) retire(ctx context.Context, now time.Time, all bool) (more bool, err error) {
	if o.refusal() != nil {
		return false, nil
	}
	o.hasten(ctx, now)
	due := o.retirable(now, all)
	if len(due) == 0 {
		return false, nil
	}
	candidates, err := o.candidates(due)
	if err != nil {
		return false, err
	}
	named, err := o.namedSince(candidates)
	if err != nil {
		return false, err
	}
	retired, kept, err := o.appendRetire(candidates, named, now)
	if err != nil {
		return false, err
	}
	// The loop closes the files before they are removed: to free a large one takes a while, which
	// whoever closes it last has to wait for. If the loop has ended it has closed them.
	_ = o.loop.ask(ctx, func(now mono.Time) {
		for _, sequence := range append(kept, retired...) {
			o.loop.cancel(now, sequence)
		}
	})
	if len(retired) == 0 {
		return false, nil
	}
	for _, sequence := range retired {
		if err := o.spool.Remove(sequence); err != nil {
			return false, err
		}
	}
	o.log.Info("retired bundles", "bundles", len(retired))
	if len(due) > len(candidates) {
		o.wakeRetire()
		return all, nil
	}
	return false, nil
}

// appendRetire appends entries that retire those of the candidates that can be, and returns
// which; kept are those that cannot for now.
func (o *Origin) appendRetire(candidates []candidate, named *purged, now time.Time) (retired, kept []uint64, err error) {
	if o.lockAppending() != nil {
		return nil, nil, nil // the directory turned out to be an older copy
	}
	defer o.appending.Unlock()
	keys, retired, kept := o.choose(candidates, named, now)
	if len(retired) == 0 {
		return nil, kept, nil
	}
	drafts := append(selectorDrafts(selectorsOf(keys)), draft{entry: control.Entry{Kind: control.KindRetire, Retire: retired}})
	_, err = o.appendLocked(drafts)
	return retired, kept, err
}

// candidates reads the manifests of the first of some bundles.
func (o *Origin) candidates(sequences []uint64) ([]candidate, error) {
	var list []candidate
	objects := 0
	for _, sequence := range sequences[:min(len(sequences), retiredAtOnce)] {
		manifest, err := o.manifestOf(sequence)
		if err != nil {
			return nil, fmt.Errorf("origin: bundle of entry %d: %w", sequence, err)
		}
		list = append(list, candidate{sequence, manifest})
		if objects += len(manifest.Objects); objects > retiredObjects {
			break
		}
	}
	return list, nil
}

// namedSince returns what the log has purged by name since the oldest candidate, if that is
// of interest.
func (o *Origin) namedSince(candidates []candidate) (*purged, error) {
	interesting := false
	o.mu.RLock()
	for _, c := range candidates {
		keys, _ := o.catalogue.Retirable(c.sequence, c.manifest)
		interesting = interesting || len(keys) > 0
	}
	o.mu.RUnlock()
	if !interesting {
		return new(purged), nil
	}
	return o.purgedSince(candidates[0].sequence)
}

// choose returns the candidates that are retired now, and the keys that are to be purged
// before. The others come again: when nothing points to them, or, those of kept, in a while; they are
// not sent any more but when an edge asks.
func (o *Origin) choose(candidates []candidate, named *purged, now time.Time) (keys []control.Key, retired, kept []uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range candidates {
		delete(o.released, c.sequence)
		mine, ok := o.catalogue.Retirable(c.sequence, c.manifest)
		if !ok {
			continue
		}
		mine = named.uncovered(mine, c.sequence)
		if hurts(mine, o.catalogue) {
			o.released[c.sequence] = release{due: now.Add(retireAgain)}
			kept = append(kept, c.sequence)
			continue
		}
		keys = append(keys, mine...)
		retired = append(retired, c.sequence)
	}
	return keys, retired, kept
}

// retirable returns, ascending, the bundles that may be retired: all, or only the urgent ones.
func (o *Origin) retirable(now time.Time, all bool) []uint64 {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var due []uint64
	for sequence, r := range o.released {
		if !now.Before(r.due) && (all || r.urgent) {
			due = append(due, sequence)
		}
	}
	slices.Sort(due)
	return due
}

// manifestOf returns the manifest of a bundle that is kept.
func (o *Origin) manifestOf(sequence uint64) (*control.Manifest, error) {
	raw, err := o.entries.entry(sequence)
	if err != nil {
		return nil, err
	}
	entry, err := control.Open(raw, []byte(o.session.PublicKey))
	if err != nil {
		return nil, err
	}
	return o.spool.Manifest(sequence, entry.Publish)
}
