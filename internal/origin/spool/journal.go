package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
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

// Settle makes the files durable whose bundles are in the log, forgets them, and returns them,
// ascending: the log may drop them. It may be called again after an error, but not at the same time.
func (s *Spool) Settle() ([]uint64, error) {
	sequences := s.journal.list()
	if len(sequences) == 0 {
		return nil, nil
	}
	for _, sequence := range sequences {
		file, err := s.Open(sequence)
		if errors.Is(err, fs.ErrNotExist) {
			if _, kept := s.OTI(sequence); !kept {
				continue // retired meanwhile
			}
		}
		if err != nil {
			return nil, fmt.Errorf("spool: %w", err)
		}
		if err := errors.Join(file.Sync(), file.Close()); err != nil {
			return nil, fmt.Errorf("%w: spool: %w", ErrSync, err)
		}
	}
	if err := s.Sync(); err != nil {
		return nil, err
	}
	s.journal.remove(sequences)
	return sequences, nil
}

// Restore writes the file of a bundle again that was in the log when the origin ended, for nobody knows how
// much of it the disk has. It is durable after the next Sync.
func (s *Spool) Restore(sequence uint64, content []byte) error {
	file, err := s.create()
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), s.path(sequence))
	}
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}
