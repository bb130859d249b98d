package origin

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

// spool is the directory of bundles. A bundle in it never changes; before it is published it
// has a staged name, and what has one at the start is thrown away. It may be used by many
// goroutines.
type spool struct {
	dir string

	mu      sync.Mutex
	bundles map[uint64]fec.OTI // those that are kept
	bytes   uint64
}

func newSpool(dir string) *spool {
	return &spool{dir: dir, bundles: make(map[uint64]fec.OTI)}
}

func (s *spool) path(sequence uint64) string {
	return filepath.Join(s.dir, strconv.FormatUint(sequence, 10)+bundleSuffix)
}

// create returns a new staged file.
func (s *spool) create() (*os.File, error) { return os.CreateTemp(s.dir, stagedPrefix+"*") }

// write makes a staged file, durable but for its name, and returns its path.
func (s *spool) write(content []byte) (string, error) {
	file, err := s.create()
	if err != nil {
		return "", fmt.Errorf("origin: spool: %w", err)
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", fmt.Errorf("origin: spool: %w", err)
	}
	return file.Name(), nil
}

// name gives staged files the names of their bundles, durably if that is asked for. If that fails,
// those that had been named are removed, the others left.
func (s *spool) name(staged map[uint64]string, durably bool) error {
	var err error
	var named []string
	for sequence, path := range staged {
		if err = os.Rename(path, s.path(sequence)); err != nil {
			break
		}
		named = append(named, s.path(sequence))
	}
	if err == nil && durably {
		if err = syncDir(s.dir); err != nil {
			err = fmt.Errorf("%w: %w", errSync, err)
		}
	}
	if err != nil {
		for _, path := range named {
			err = errors.Join(err, os.Remove(path))
		}
		return fmt.Errorf("origin: spool: %w", err)
	}
	return nil
}

// keep notes that a bundle is in the spool.
func (s *spool) keep(sequence uint64, oti fec.OTI) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.bundles[sequence]; !known {
		s.bundles[sequence] = oti
		s.bytes += oti.TransferLength
	}
}

// get returns the OTI of a bundle that is kept.
func (s *spool) get(sequence uint64) (fec.OTI, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	oti, ok := s.bundles[sequence]
	return oti, ok
}

// size returns how many bytes the bundles have together.
func (s *spool) size() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

// open opens a bundle for reading.
func (s *spool) open(sequence uint64) (*os.File, error) { return os.Open(s.path(sequence)) }

// remove deletes a bundle. Who has it open may go on reading.
func (s *spool) remove(sequence uint64) error {
	s.mu.Lock()
	s.bytes -= s.bundles[sequence].TransferLength
	delete(s.bundles, sequence)
	s.mu.Unlock()
	if err := os.Remove(s.path(sequence)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("origin: spool: %w", err)
	}
	return nil
}

// sweep removes the files of no bundle that is kept: staged ones, those whose entry was never
// written, retired ones. It returns how many.
func (s *spool) sweep() (removed int, err error) {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return 0, fmt.Errorf("origin: spool: %w", err)
	}
	for _, f := range files {
		number, isBundle := strings.CutSuffix(f.Name(), bundleSuffix)
		if isBundle {
			sequence, err := strconv.ParseUint(number, 10, 64)
			if _, kept := s.get(sequence); err != nil || kept {
				continue
			}
		} else if !strings.HasPrefix(f.Name(), stagedPrefix) {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, f.Name())); err != nil {
			return removed, fmt.Errorf("origin: spool: %w", err)
		}
		removed++
	}
	return removed, nil
}

// errDamaged is wrapped by the error for a bundle that is not as it was published.
var errDamaged = errors.New("the bundle is damaged")

// manifest returns the manifest of a bundle, from its entry or from the head of the bundle,
// which is then checked against the entry.
func (s *spool) manifest(sequence uint64, p *control.Publish) (*control.Manifest, error) {
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
	file, err := s.open(sequence)
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

// check returns an error if the file of a bundle is not there in full length.
func (s *spool) check(sequence uint64, oti fec.OTI) error {
	info, err := os.Stat(s.path(sequence))
	if err != nil {
		return fmt.Errorf("origin: spool: entry %d publishes a bundle that is not there: %w", sequence, err)
	}
	if uint64(info.Size()) != oti.TransferLength {
		return fmt.Errorf("origin: spool: %s has %d bytes instead of %d: %w", s.path(sequence), info.Size(), oti.TransferLength, errDamaged)
	}
	return nil
}
