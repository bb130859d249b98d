package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"fanfare/control"
	"fanfare/fec"
)

const (
	bundleSuffix = ".bundle"
	stagedPrefix = "staged-"
)

// ErrSync is wrapped by the error of a sync that failed: nobody knows what is on the disk.
var ErrSync = errors.New("a write did not reach the disk")

// errDamaged is wrapped by the error for a bundle that is not as it was published.
var errDamaged = errors.New("the bundle is damaged")

// Spool is the directory of bundles. A bundle in it never changes; before it is published it
// has a staged name, and what has one at the start is thrown away. It may be used by many
// goroutines.
type Spool struct {
	dir string

	journal journal

	mu      sync.Mutex
	bundles map[uint64]fec.OTI // those that are kept
	bytes   uint64
}

// New returns the spool in a directory, of which it knows no bundle yet.
func New(dir string) *Spool {
	return &Spool{dir: dir, bundles: make(map[uint64]fec.OTI)}
}

func (s *Spool) path(sequence uint64) string {
	return filepath.Join(s.dir, strconv.FormatUint(sequence, 10)+bundleSuffix)
}

// create makes a staged file.
func (s *Spool) create() (*os.File, error) {
	file, err := os.CreateTemp(s.dir, stagedPrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return file, nil
}

// Name gives the files of staged bundles the names of their sequences. It returns the bytes of
// those that are to go into the log, in one write with their entries; the others are durable. If it
// fails nothing has been named.
func (s *Spool) Name(staged map[uint64]*Staged) (logged map[uint64][]byte, err error) {
	logged = make(map[uint64][]byte)
	for sequence, x := range staged {
		if !x.logged {
			continue
		}
		if logged[sequence], err = x.bytes(); err != nil {
			return nil, err
		}
	}
	var named []string
	for sequence, x := range staged {
		if err = os.Rename(x.path, s.path(sequence)); err != nil {
			err = fmt.Errorf("spool: %w", err)
			break
		}
		named = append(named, s.path(sequence))
	}
	if err == nil && len(staged) > len(logged) {
		err = s.Sync()
	}
	if err != nil {
		for _, path := range named {
			err = errors.Join(err, os.Remove(path))
		}
		return nil, err
	}
	return logged, nil
}

// Sync makes the names of the files durable. Its error wraps ErrSync.
func (s *Spool) Sync() error {
	d, err := os.Open(s.dir)
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if err != nil {
		return fmt.Errorf("%w: spool: %w", ErrSync, err)
	}
	return nil
}

// Keep notes that the spool has a bundle which has its name, and whose bytes are durable.
func (s *Spool) Keep(sequence uint64, x *Staged) {
	if x.logged {
		s.journal.add(sequence, int(x.Publish.OTI.TransferLength))
	}
	s.keep(sequence, x.Publish.OTI)
}

func (s *Spool) keep(sequence uint64, oti fec.OTI) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.bundles[sequence]; !known {
		s.bundles[sequence] = oti
		s.bytes += oti.TransferLength
	}
}

// Adopt keeps a bundle that was published before the origin was started, if its file is there in full
// length, and returns its manifest.
func (s *Spool) Adopt(sequence uint64, p *control.Publish) (*control.Manifest, error) {
	if err := s.inspect(sequence, p.OTI); err != nil {
		return nil, err
	}
	manifest, err := s.Manifest(sequence, p)
	if err != nil {
		return nil, err
	}
	s.keep(sequence, p.OTI)
	return manifest, nil
}

// inspect returns what is wrong with the file of a bundle, as far as its length tells.
func (s *Spool) inspect(sequence uint64, oti fec.OTI) error {
	info, err := os.Stat(s.path(sequence))
	if err != nil {
		return fmt.Errorf("spool: entry %d publishes a bundle that is not there: %w", sequence, err)
	}
	if uint64(info.Size()) != oti.TransferLength {
		return fmt.Errorf("spool: %s has %d bytes instead of %d: %w", s.path(sequence), info.Size(), oti.TransferLength, errDamaged)
	}
	return nil
}

// Inspect returns what is wrong with the file of a bundle that is kept, if its length tells.
func (s *Spool) Inspect(sequence uint64) error {
	oti, kept := s.OTI(sequence)
	if !kept {
		return fmt.Errorf("spool: no bundle of entry %d: %w", sequence, fs.ErrNotExist)
	}
	return s.inspect(sequence, oti)
}

// OTI returns the OTI of a bundle that is kept.
func (s *Spool) OTI(sequence uint64) (fec.OTI, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	oti, ok := s.bundles[sequence]
	return oti, ok
}

// Size returns how many bytes the bundles have together.
func (s *Spool) Size() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

// Open opens a bundle for reading.
func (s *Spool) Open(sequence uint64) (*os.File, error) { return os.Open(s.path(sequence)) }

// Remove deletes a bundle. Who has it open may go on reading.
func (s *Spool) Remove(sequence uint64) error {
	s.mu.Lock()
	s.bytes -= s.bundles[sequence].TransferLength
	delete(s.bundles, sequence)
	s.mu.Unlock()
	if err := os.Remove(s.path(sequence)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// Sweep removes the files of no bundle that is kept: staged ones, those whose entry was never
// written, retired ones. It returns how many.
func (s *Spool) Sweep() (removed int, err error) {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return 0, fmt.Errorf("spool: %w", err)
	}
	for _, f := range files {
		number, isBundle := strings.CutSuffix(f.Name(), bundleSuffix)
		if isBundle {
			sequence, err := strconv.ParseUint(number, 10, 64)
			if _, kept := s.OTI(sequence); err != nil || kept {
				continue
			}
		} else if !strings.HasPrefix(f.Name(), stagedPrefix) {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, f.Name())); err != nil {
			return removed, fmt.Errorf("spool: %w", err)
		}
		removed++
	}
	return removed, nil
}

// Manifest returns the manifest of a bundle, from its entry or from the head of the bundle,
// which is then checked against the entry.
func (s *Spool) Manifest(sequence uint64, p *control.Publish) (*control.Manifest, error) {
	if p.Manifest != nil {
		return control.DecodeManifest(p.Manifest, p)
	}
	layout, err := p.Layout()
	if err != nil {
		return nil, err
	}
	partition, err := p.OTI.Partition()
	if err != nil {
		return nil, err
	}
	file, err := s.Open(sequence)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	end := partition.Offset(layout.ManifestBlocks-1) + partition.Length(layout.ManifestBlocks-1)
	head := make([]byte, end)
	if _, err := file.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", s.path(sequence), errDamaged, err)
	}
	for sbn, want := range p.ManifestDigests {
		start := partition.Offset(uint32(sbn))
		if control.Sum(head[start:start+partition.Length(uint32(sbn))]) != want {
			return nil, fmt.Errorf("%s: %w: block %d has another digest", s.path(sequence), errDamaged, sbn)
		}
	}
	return control.DecodeManifest(head[:p.ManifestLength], p)
}
