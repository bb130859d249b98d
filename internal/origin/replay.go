package origin

import (
	"fmt"
	"time"

	"fanfare/control"
)

// replay builds the catalogue from the log: every entry is opened, so that its signature is
// checked, and must follow from the one before. Every bundle that is not retired must be in
// the spool; what else is there is removed.
func (o *Origin) replay() error {
	generation := control.Generation(o.session.Generation)
	o.catalogue = control.New(control.Config{
		Channel: o.session.Channel, Generation: generation, SymbolLength: uint16(o.session.SymbolLength),
	})
	o.head = control.Head{Channel: o.session.Channel, Generation: generation}
	bundles, err := o.replayEntries()
	if err != nil {
		return err
	}
	if err := o.checkReached(); err != nil {
		return err // before files are swept whose entries are lost
	}
	if err := o.restore(bundles); err != nil {
		return err
	}
	for sequence, publish := range bundles {
		manifest, err := o.spool.Adopt(sequence, publish)
		if err != nil {
			return fmt.Errorf("origin: bundle of entry %d: %w", sequence, err)
		}
		if err := o.catalogue.AddManifest(sequence, manifest); err != nil {
			return fmt.Errorf("origin: bundle of entry %d: %w", sequence, err)
		}
		o.catalogue.Complete(sequence)
	}
	if err := o.fold(time.Now()); err != nil {
		return err
	}
	for sequence := range bundles {
		if o.catalogue.LiveObjects(sequence) == 0 {
			o.released[sequence] = release{due: time.Now().Add(o.config.RetireAfter)}
		}
	}
	o.signedHead = control.SignHead(o.head, o.key)
	removed, err := o.spool.Sweep()
	if removed > 0 {
		o.log.Info("removed files of unfinished publications and retired bundles", "files", removed)
	}
	return err
}

// replayEntries applies the log's entries and returns the bundles that are not retired.
func (o *Origin) replayEntries() (map[uint64]*control.Publish, error) {
	bundles := make(map[uint64]*control.Publish)
	public := o.session.PublicKey
	err := o.entries.entries(0, func(sequence uint64, raw []byte) (bool, error) {
		entry, err := control.Open(raw, []byte(public))
		if err != nil {
			return false, fmt.Errorf("origin: entry %d of the log: %w", sequence, err)
		}
		if entry.Sequence != sequence || sequence != o.head.Sequence+1 || entry.Previous != o.head.Hash {
			return false, fmt.Errorf("origin: entry %d of the log does not follow from entry %d: the log is damaged", sequence, o.head.Sequence)
		}
		o.head.Sequence, o.head.Hash = sequence, control.HashEntry(raw)
		o.marks.Add(sequence, o.head.Hash)
		if _, err := o.catalogue.Apply(entry, o.head.Hash); err != nil {
			return false, fmt.Errorf("origin: entry %d of the log: %w", sequence, err)
		}
		if entry.Kind == control.KindPublish {
			bundles[sequence] = entry.Publish
		}
		for _, retired := range entry.Retire {
			delete(bundles, retired)
		}
		return true, nil
	})
	return bundles, err
}

// restore has the spool write again the bundles that are in the log. bundles are those that are not
// retired.
func (o *Origin) restore(bundles map[uint64]*control.Publish) error {
	var sequences []uint64
	err := o.entries.bundles(func(sequence uint64, content []byte) (bool, error) {
		sequences = append(sequences, sequence)
		if bundles[sequence] == nil {
			return true, nil
		}
		return true, o.spool.Restore(sequence, content)
	})
	if err != nil || len(sequences) == 0 {
		return err
	}
	if err := o.spool.Sync(); err != nil {
		return err
	}
	return o.entries.dropBundles(sequences)
}

// fold moves the catalogue's mark to the head, where it always is between two entries, and
// notes which bundles nothing points to any more. The caller holds mu, or is alone.
func (o *Origin) fold(now time.Time) error {
	changes, err := o.catalogue.Fold()
	if err != nil {
		return fmt.Errorf("origin: %w", err)
	}
	o.noteReleased(changes.Released, now)
	if mark, _ := o.catalogue.Mark(); mark != o.head.Sequence {
		return fmt.Errorf("origin: the catalogue stands at entry %d, the log at %d", mark, o.head.Sequence)
	}
	return nil
}
