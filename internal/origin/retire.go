package origin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fanfare/control"
	"fanfare/internal/mono"
)

const houseInterval = time.Second

// keepHouse stores what is known of edges and retires bundles, now and then, until ctx is
// done. Its errors end the origin.
func (o *Origin) keepHouse(ctx context.Context) error {
	ticker := time.NewTicker(houseInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.edges.newcomer:
		case now := <-ticker.C:
			if err := o.retire(now); err != nil {
				return err
			}
		}
		save, forget := o.edges.takeUnsaved()
		if len(save)+len(forget) == 0 {
			continue
		}
		if err := o.entries.saveEdges(save, forget); err != nil {
			return fmt.Errorf("%w: %w", errSync, err)
		}
	}
}

// retire appends retire entries for the bundles that nothing has pointed to for a while, and
// then removes them: entry first, file second.
func (o *Origin) retire(now time.Time) error {
	o.appending.Lock()
	defer o.appending.Unlock()
	due := o.retirable(now)
	if len(due) == 0 {
		return nil
	}
	var keys []control.Key
	var retired []uint64
	for _, sequence := range due {
		manifest, err := o.manifestOf(sequence)
		if err != nil {
			return fmt.Errorf("origin: bundle of entry %d: %w", sequence, err)
		}
		o.mu.Lock()
		purge, ok := o.catalogue.Retirable(sequence, manifest)
		delete(o.released, sequence) // the catalogue tells again if it becomes so
		o.mu.Unlock()
		if ok {
			keys = append(keys, purge...)
			retired = append(retired, sequence)
		}
	}
	if len(retired) == 0 {
		return nil
	}
	selectors := make([]control.Selector, len(keys))
	for i, key := range keys {
		selectors[i] = control.Selector{Kind: control.SelectKey, Key: key}
	}
	drafts := append(selectorDrafts(selectors), draft{entry: control.Entry{Kind: control.KindRetire, Retire: retired}})
	if _, err := o.appendLocked(drafts); err != nil {
		return err
	}
	o.loop.call(func(now mono.Time) {
		for _, sequence := range retired {
			o.loop.cancel(now, sequence)
		}
	})
	for _, sequence := range retired {
		if err := o.spool.remove(sequence); err != nil {
			return err
		}
	}
	o.log.Info("retired bundles", "bundles", len(retired))
	return nil
}

// retirable returns, ascending, some of the bundles that were released long enough ago.
func (o *Origin) retirable(now time.Time) []uint64 {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var due []uint64
	for sequence, since := range o.released {
		if now.Sub(since) >= o.config.RetireAfter {
			due = append(due, sequence)
		}
	}
	slices.Sort(due)
	return due[:min(len(due), control.MaxRetired)]
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
	return o.spool.manifest(sequence, entry.Publish)
}
