package edgecache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"

	"fanfare/control"
)

// Open opens the cache in cfg.Dir, or makes it, and finds out what is there: complete
// bundles are served as soon as SetReady says so; blocks of unfinished ones are verified,
// which reads them. It returns an error that wraps ErrGeneration for a directory of another
// session, and one that wraps ErrFormat for one that another version made.
func Open(cfg Config) (*Cache, error) { return open(cfg, system{}) }

// system is what tests put between a cache and the machine; nil: nothing.
type system struct {
	disk  func(*disk) // changes the disk of the bundle files
	index vfs.FS      // replaces the file system of the index, which is at its root
}

func open(cfg Config, under system) (*Cache, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	c := &Cache{
		cfg: cfg, now: time.Now, incoming: map[uint64]*incoming{}, maxUnannounced: maxUnannouncedBytes,
		recheckBytes: recheckBytes,
		disk:         newDisk(filepath.Join(cfg.Dir, "bundles"), cfg.ReserveBytes),
		catalogue:    control.New(control.Config{Channel: cfg.Channel, Generation: cfg.Generation}),
		bundles:      map[uint64]*bundle{}, pending: map[uint64]*bundle{},
	}
	if under.disk != nil {
		under.disk(c.disk)
	}
	c.assembly = newAssembly(c.disk, cfg.MemoryBytes, &c.count)
	if err := os.MkdirAll(c.disk.dir, 0o755); err != nil {
		return nil, fmt.Errorf("edgecache: %w", err)
	}
	var err error
	directory := filepath.Join(cfg.Dir, "index")
	if under.index != nil {
		directory = "index"
	}
	if c.index, err = openIndex(directory, under.index, cfg); err != nil {
		return nil, err
	}
	if err := c.restore(); err != nil {
		c.index.db.Close()
		return nil, err
	}
	if err := c.commitFound(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// commitFound commits the small bundles that restore found whole: of those that were complete when
// the last run ended, some may have no record (see Commit).
func (c *Cache) commitFound() error {
	var large []uint64
	for _, sequence := range c.Ready() {
		if c.bundles[sequence].size > c.recheckBytes {
			large = append(large, sequence)
			continue
		}
		if err := c.Commit(sequence)[0]; err != nil && !errors.Is(err, ErrFailed) {
			return err
		}
	}
	c.whole = large
	return nil
}

// Close syncs and closes everything. Bundles on their way stay on disk for the next Open.
func (c *Cache) Close() error {
	err := c.Sync()
	for _, in := range c.incoming {
		c.close(in)
	}
	c.assembly.close()
	for _, b := range c.bundles {
		if b.file != nil {
			b.file.Close()
		}
	}
	c.disk.files.close()
	c.assembly.overflow.close()
	c.disk.wait()
	return errors.Join(err, c.index.db.Close())
}

// restore brings back what is on disk.
func (c *Cache) restore() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.restoreRecords(); err != nil {
		return err
	}
	if err := c.restoreRows(); err != nil {
		return err
	}
	if err := c.restoreEntries(); err != nil {
		return err
	}
	if err := c.change(func(batch) error { return nil }); err != nil {
		return err
	}
	if err := c.restoreFiles(); err != nil {
		return err
	}
	if c.cfg.MaxBytes > 0 && c.bytes > c.cfg.MaxBytes {
		if err := c.evict(c.bytes - c.cfg.MaxBytes); err != nil && !errors.Is(err, errFull) {
			return err
		}
	}
	c.restoreBallast()
	mark, _ := c.catalogue.Mark()
	c.cfg.Log.Info("cache opened", "dir", c.cfg.Dir, "mark", mark, "bundles", len(c.bundles),
		"bytes", c.bytes, "unfinished", len(c.incoming), "blocks", c.count.blocksResumed.Load())
	return nil
}

// restoreRecords reads the bundles that are complete, or were, and finds out which of them are lost.
// These are recorded durably before restoreFiles makes their files as long as they were.
func (c *Cache) restoreRecords() error {
	lost := c.index.newBatch()
	err := c.index.each(tagBundle, func(key, value []byte) error {
		r, err := readRecord(value, false)
		if err != nil {
			return err
		}
		b := &bundle{sequence: keySequence(key), phase: phaseComplete, time: r.time, size: r.size}
		b.served.Store(r.time * int64(time.Millisecond))
		c.bundles[b.sequence] = b
		if r.fate == fateComplete && r.size > 0 {
			if cause := c.disk.inspect(b.sequence, r.size); cause != nil {
				c.tellLost(b.sequence, cause)
				if r, err = readRecord(value, true); err != nil {
					return err
				}
				r.fate = fateLost
				lost.setRecord(b.sequence, r)
			}
		}
		switch r.fate {
		case fateComplete:
			c.bytes += b.size
		case fateEvicted:
			b.phase, b.size = phaseEvicted, 0
		case fateLost:
			c.want(b, r)
		}
		return nil
	})
	n := c.count.bundlesLost.Load()
	if err != nil || n == 0 {
		return errors.Join(err, lost.b.Close())
	}
	if n > maxLostTold {
		c.cfg.Log.Warn("bundle files lost, and fetched again", "lost", n)
	}
	if err := lost.apply(); err != nil {
		return err
	}
	return c.index.sync()
}

// restoreRows reads mark and rows.
func (c *Cache) restoreRows() error {
	mark, hash, err := c.index.mark()
	if err != nil {
		return err
	}
	var failed error
	stored := func(yield func(control.Stored) bool) {
		failed = c.index.each(tagRows, func(key, value []byte) error {
			s, err := c.restoreBundle(^keySequence(key), value)
			if err == nil && !yield(s) {
				err = errStopped
			}
			return err
		})
	}
	var complete []uint64
	for sequence := range c.bundles {
		complete = append(complete, sequence)
	}
	// The evicted and the lost were complete once, and nothing older is served instead of them.
	c.catalogue.Restore(mark, hash, stored, slices.Values(complete))
	if failed != nil {
		return fmt.Errorf("edgecache: read index: %w", failed)
	}
	for sequence, b := range c.bundles {
		if b.phase != phaseComplete {
			c.catalogue.Evicted(sequence)
		}
		b.folded = sequence <= mark
	}
	return nil
}

// restoreBundle reads the rows of a bundle, and which of them are no more.
func (c *Cache) restoreBundle(sequence uint64, value []byte) (s control.Stored, err error) {
	s.Sequence = sequence
	if s.Objects, err = control.DecodeRows(value); err != nil {
		return s, err
	}
	if s.Deleted, err = c.index.deleted(sequence); err != nil {
		return s, err
	}
	if b := c.bundles[sequence]; b != nil {
		b.deleted = s.Deleted
	}
	return s, nil
}

var errStopped = errors.New("stopped")

// restoreEntries reads the entries above the mark and those of unfinished bundles, and the
// manifests that are kept for them.
func (c *Cache) restoreEntries() error {
	mark, _ := c.catalogue.Mark()
	published := map[uint64]*control.Publish{}
	err := c.index.each(tagEntry, func(_, raw []byte) error {
		e, err := control.Open(raw, c.cfg.Key)
		if err != nil {
			return fmt.Errorf("edgecache: read index: %w", err)
		}
		if e.Sequence > mark {
			if _, err := c.catalogue.Apply(e, control.HashEntry(raw)); err != nil {
				return fmt.Errorf("edgecache: read index: %w", err)
			}
		}
		if e.Kind == control.KindPublish {
			published[e.Sequence] = e.Publish
			if c.bundles[e.Sequence] == nil {
				b := c.remember(e)
				b.folded = e.Sequence <= mark
				b.deleted, err = c.index.deleted(e.Sequence)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.index.each(tagManifest, func(key, raw []byte) error {
		p := published[keySequence(key)]
		if p == nil {
			return nil
		}
		m, err := control.DecodeManifest(raw, p)
		if err == nil {
			err = c.catalogue.AddManifest(keySequence(key), m)
		}
		if err != nil {
			return fmt.Errorf("edgecache: read index: %w", err)
		}
		return nil
	})
}

// restoreFiles looks at every bundle file: it verifies the blocks of unfinished bundles and
// removes what belongs to nothing.
func (c *Cache) restoreFiles() error {
	entries, err := os.ReadDir(c.disk.dir)
	if err != nil {
		return fmt.Errorf("edgecache: %w", err)
	}
	for _, entry := range entries {
		sequence, err := strconv.ParseUint(entry.Name(), 10, 64)
		b := c.bundles[sequence]
		switch {
		case err == nil && b != nil && b.phase == phaseComplete && b.size > 0:
		case err == nil && b != nil && b.phase == phaseWanted:
			c.resume(b)
		case err == nil && c.dropping(sequence):
		default:
			err := os.Remove(filepath.Join(c.disk.dir, entry.Name()))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("edgecache: remove what belongs to no bundle: %w", err)
			}
		}
	}
	for _, b := range c.pending {
		if b.phase == phaseWanted && b.publish.OTI.TransferLength == 0 {
			c.becomeReady(b, nil)
		}
	}
	slices.Sort(c.whole)
	return nil
}

// dropping reports whether a file goes at the next Sync.
func (c *Cache) dropping(sequence uint64) bool {
	return slices.ContainsFunc(c.drops, func(d drop) bool { return d.sequence == sequence })
}

// resume takes up a half-received bundle: it verifies the blocks that were written.
func (c *Cache) resume(b *bundle) {
	part, err := b.publish.OTI.Partition()
	if err != nil {
		c.fail(b, err)
		return
	}
	file, err := c.disk.open(b.sequence)
	if err != nil {
		c.fail(b, &diskError{"open", err})
		return
	}
	in := newIncoming(b.sequence, b.publish.OTI, part, file)
	c.incoming[b.sequence], c.recent = in, nil
	if err := c.announce(in, b); err != nil {
		c.fail(b, err)
		return
	}
	if !c.findBlocks(in, b) {
		return
	}
	if !in.manifestKnown {
		// With the manifest, if its blocks are there, come the digests of the others.
		if c.advance(in, b) != nil || c.incoming[b.sequence] != in || !in.manifestKnown || !c.findBlocks(in, b) {
			return
		}
	}
	if in.whole() {
		c.becomeReady(b, in)
	}
}

// findBlocks takes up the blocks on disk that match their digests, as far as these are known.
func (c *Cache) findBlocks(in *incoming, b *bundle) (ok bool) {
	found, err := in.resume(c.buffer(in))
	c.count.blocksResumed.Add(uint64(found))
	if err != nil {
		c.fail(b, &diskError{"read back", err})
	}
	return err == nil
}

// restoreBallast sets aside the space that the index falls back on.
func (c *Cache) restoreBallast() {
	if c.cfg.ReserveBytes < ballastBytes {
		return
	}
	file, err := os.OpenFile(c.index.ballast, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		c.cfg.Log.Warn("no ballast for a full disk", "err", err)
		return
	}
	defer file.Close()
	if err := c.disk.extend(file, ballastBytes); err != nil && !errors.Is(err, unix.ENOSPC) {
		c.cfg.Log.Warn("no ballast for a full disk", "err", err)
	}
}
