package origin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"

	"fanfare/control"
)

const (
	// journalBundle is how long a bundle may be that goes into the log, in bytes. A longer one is
	// sooner on the disk as a file: it is written once.
	journalBundle = 512 << 10
	// journalRoom is how many bytes of bundles there may be in the log at a time.
	journalRoom = 16 << 20
)

// journal knows the bundles whose bytes are durable in the log, in one write with the entries that
// publish them, and not yet in the files of the spool. So a small publication waits for one sync
// instead of three: of its file, of the directory, of the log. The files are synced soon after, and
// then the log forgets the bytes; after a crash it writes those files again.
type journal struct {
	mu    sync.Mutex
	bytes map[uint64]int // by sequence
	sum   int
}

// room reports whether a bundle may go into the log.
func (j *journal) room(length uint64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return length <= journalBundle && j.sum < journalRoom
}

// add notes a bundle that is in the log.
func (j *journal) add(sequence uint64, length int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.bytes == nil {
		j.bytes = make(map[uint64]int)
	}
	j.bytes[sequence] = length
	j.sum += length
}

// list returns the bundles that are in the log, ascending.
func (j *journal) list() []uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := make([]uint64, 0, len(j.bytes))
	for sequence := range j.bytes {
		list = append(list, sequence)
	}
	slices.Sort(list)
	return list
}

// remove forgets bundles that are in the log no more.
func (j *journal) remove(sequences []uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, sequence := range sequences {
		j.sum -= j.bytes[sequence]
		delete(j.bytes, sequence)
	}
}

// journaled returns the bundles that are to go into the log with their entries.
func journaled(drafts []draft, first uint64) (map[uint64][]byte, error) {
	bundles := make(map[uint64][]byte)
	for i, d := range drafts {
		if d.staged == nil || !d.staged.journal {
			continue
		}
		content := d.staged.content
		if content == nil {
			var err error
			if content, err = os.ReadFile(d.staged.path); err != nil {
				return nil, fmt.Errorf("origin: spool: %w", err)
			}
		}
		if uint64(len(content)) != d.staged.publish.OTI.TransferLength {
			return nil, fmt.Errorf("origin: spool: %s: %w", d.staged.path, errDamaged)
		}
		bundles[first+uint64(i)] = content
	}
	return bundles, nil
}

// settle makes the files durable whose bundles are in the log, and has the log forget those.
func (o *Origin) settle() error {
	sequences := o.journal.list()
	if len(sequences) == 0 {
		return nil
	}
	for _, sequence := range sequences {
		file, err := o.spool.open(sequence)
		if errors.Is(err, fs.ErrNotExist) {
			if _, kept := o.spool.get(sequence); !kept {
				continue // retired meanwhile
			}
		}
		if err != nil {
			return fmt.Errorf("origin: spool: %w", err)
		}
		if err := errors.Join(file.Sync(), file.Close()); err != nil {
			return fmt.Errorf("%w: spool: %w", errSync, err)
		}
	}
	if err := syncDir(o.spool.dir); err != nil {
		return fmt.Errorf("%w: spool: %w", errSync, err)
	}
	if err := o.entries.dropBundles(sequences); err != nil {
		return err
	}
	o.journal.remove(sequences)
	return nil
}

// restore writes the files again whose bundles are in the log, for nobody knows how much of them
// the disk has. bundles are those that are not retired.
func (o *Origin) restore(bundles map[uint64]*control.Publish) error {
	var sequences []uint64
	staged := make(map[uint64]string)
	err := o.entries.bundles(func(sequence uint64, content []byte) (bool, error) {
		sequences = append(sequences, sequence)
		if bundles[sequence] == nil {
			return true, nil
		}
		path, err := o.spool.write(content)
		staged[sequence] = path
		return true, err
	})
	if err != nil || len(sequences) == 0 {
		return err
	}
	if err := o.spool.name(staged, true); err != nil {
		return err
	}
	return o.entries.dropBundles(sequences)
}
