package origin

import (
	"errors"
	"fmt"
	"time"

	"fanfare/control"
	"fanfare/internal/api"
	"fanfare/internal/mono"
	"fanfare/internal/origin/spool"
	"fanfare/internal/wire"
	"fanfare/sender"
)

// draft is an entry that has no number yet; with a bundle if it publishes one.
type draft struct {
	entry  control.Entry
	staged *spool.Staged
	// priority and repair are how a bundle is sent.
	priority sender.Priority
	repair   repairPolicy
}

// append gives drafts their numbers, makes them durable, applies and sends them: all of them
// or, with an error, none. An error that wraps spool.ErrSync has ended the origin.
func (o *Origin) append(drafts []draft) (api.Sequences, error) {
	if err := o.lockAppending(); err != nil {
		return api.Sequences{}, err
	}
	defer o.appending.Unlock()
	return o.appendLocked(drafts)
}

// appendLocked is append for who holds appending.
func (o *Origin) appendLocked(drafts []draft) (api.Sequences, error) {
	if o.failed.Load() {
		return api.Sequences{}, errStopped
	}
	now := time.Now()
	raw, head, err := o.sign(drafts, now)
	if err != nil {
		return api.Sequences{}, err
	}
	first := o.head.Sequence + 1
	if err := o.store(drafts, first, raw); err != nil {
		if errors.Is(err, spool.ErrSync) {
			o.fail(err)
		}
		return api.Sequences{}, err
	}
	o.edges.Track(first, head.Sequence, now)
	objects, signedHead, err := o.apply(drafts, raw, head, now)
	if err != nil {
		// The log has the entries; at the next start they are replayed.
		o.fail(err)
		return api.Sequences{}, err
	}
	o.loop.call(func(mono.Time) { o.loop.publish(signedHead, head.Sequence, objects) })
	o.noteReached()
	return api.Sequences{Generation: o.session.Generation.String(), First: first, Last: head.Sequence}, nil
}

// invalidate is append for drafts that take content away and bring none. The result is an
// api.Invalidation, which counts the objects.
func (o *Origin) invalidate(drafts []draft) (result any, s api.Sequences, err error) {
	if err := o.lockAppending(); err != nil {
		return nil, s, err
	}
	defer o.appending.Unlock()
	before := o.published()
	if s, err = o.appendLocked(drafts); err != nil {
		return nil, s, err
	}
	return &api.Invalidation{Sequences: s, Objects: before - o.published()}, s, nil
}

// published returns how many objects are.
func (o *Origin) published() int {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.catalogue.Stats().Keys
}

// store makes the bundles of drafts and then their entries, from sequence first on, durable.
func (o *Origin) store(drafts []draft, first uint64, raw [][]byte) error {
	staged := make(map[uint64]*spool.Staged)
	for i, d := range drafts {
		if d.staged != nil {
			staged[first+uint64(i)] = d.staged
		}
	}
	logged, err := o.spool.Name(staged)
	if err != nil {
		return err
	}
	if err := o.entries.append(first, raw, logged); err != nil {
		return fmt.Errorf("%w: %w", spool.ErrSync, err)
	}
	return nil
}

// sign completes the entries and returns them signed, and the head that the last one makes.
func (o *Origin) sign(drafts []draft, now time.Time) ([][]byte, control.Head, error) {
	head := o.head
	raw := make([][]byte, len(drafts))
	for i := range drafts {
		e := &drafts[i].entry
		e.Channel, e.Generation = head.Channel, head.Generation
		e.Sequence, e.Previous, e.Time = head.Sequence+1, head.Hash, now.UnixMilli()
		var err error
		if raw[i], err = control.Sign(e, o.key); err != nil {
			return nil, head, api.BadRequest(err, "")
		}
		head.Sequence, head.Hash = e.Sequence, control.HashEntry(raw[i])
	}
	return raw, head, nil
}

// apply brings durable entries into the catalogue, and returns what is to be sent.
func (o *Origin) apply(drafts []draft, raw [][]byte, head control.Head, now time.Time) (objects []outgoing, signedHead []byte, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	previous := o.head
	o.head = head
	var bundles []outgoing
	for i := range drafts {
		e := &drafts[i].entry
		hash := control.HashEntry(raw[i])
		o.marks.Add(e.Sequence, hash)
		if _, err := o.catalogue.Apply(e, hash); err != nil {
			return nil, nil, fmt.Errorf("origin: entry %d: %w", e.Sequence, err)
		}
		objects = append(objects, outgoing{
			info:     sender.ObjectInfo{TOI: wire.ControlTOI(e.Sequence), OTI: controlOTI(len(raw[i]), o.session.SymbolLength)},
			sequence: e.Sequence, entry: raw[i],
		})
		if s := drafts[i].staged; s != nil {
			o.spool.Keep(e.Sequence, s)
			if err := o.catalogue.AddManifest(e.Sequence, &s.Manifest); err != nil {
				return nil, nil, fmt.Errorf("origin: entry %d: %w", e.Sequence, err)
			}
			o.catalogue.Complete(e.Sequence)
			bundles = append(bundles, outgoing{
				info: sender.ObjectInfo{
					TOI: wire.DataTOI(e.Sequence), OTI: s.Publish.OTI,
					Priority: drafts[i].priority, Proactive: drafts[i].repair.symbols(s.Publish.OTI),
				},
				sequence: e.Sequence,
			})
		}
	}
	if err := o.fold(now); err != nil {
		return nil, nil, errors.Join(err, fmt.Errorf("origin: after entry %d", previous.Sequence))
	}
	o.signedHead = control.SignHead(head, o.key)
	return append(objects, bundles...), o.signedHead, nil
}

// selectorDrafts splits a purge into entries that fit their limit.
func selectorDrafts(selectors []control.Selector) []draft {
	var drafts []draft
	split(selectors, func(s control.Selector) int { return 16 + len(s.Key.Host) + len(s.Key.Path) + len(s.Tag) },
		func(part []control.Selector) {
			drafts = append(drafts, draft{entry: control.Entry{Kind: control.KindPurge, Purge: part}})
		})
	return drafts
}

// removeDrafts splits a removal into entries that fit their limit.
func removeDrafts(keys []control.Key) []draft {
	var drafts []draft
	split(keys, func(k control.Key) int { return 16 + len(k.Host) + len(k.Path) },
		func(part []control.Key) {
			drafts = append(drafts, draft{entry: control.Entry{Kind: control.KindRemove, Remove: part}})
		})
	return drafts
}

// entryRoom is what the list in one entry may take, in bytes, so that the entry is one packet
// as a rule; a single long element may make it longer.
const entryRoom = 1024

// split cuts list into parts of at most entryRoom bytes and control.MaxSelectors elements.
func split[T any](list []T, size func(T) int, each func(part []T)) {
	start, room := 0, entryRoom
	for i, x := range list {
		n := size(x)
		if i > start && (n > room || i-start >= control.MaxSelectors) {
			each(list[start:i:i])
			start, room = i, entryRoom
		}
		room -= n
	}
	if start < len(list) {
		each(list[start:])
	}
}
