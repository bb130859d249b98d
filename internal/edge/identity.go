package edge

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fanfare/internal/wire"

	"golang.org/x/sys/unix"
)

// identityFile holds the edge's id and the epoch of its last start, one line of text. It is
// locked while an edge runs on the directory.
const identityFile = "edge.id"

// identity is who the edge is towards the origin, whatever it is called and wherever it runs.
type identity struct {
	file *os.File
	// edge is random, drawn once for a directory.
	edge uint64
	// counter is below every feedback counter of this start and above all of earlier ones.
	// Its upper half is an epoch that grows by at least 1 with every start, and follows the
	// wall clock's seconds where that is ahead: so neither a clock set back nor a directory
	// restored from a backup makes the origin take new feedback for a replay.
	counter uint64
}

// openIdentity reads, or makes, the identity of dir, counts the start durably, and locks dir
// until close.
func openIdentity(dir string) (*identity, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("edge: cannot make directory: %w", err)
	}
	path := filepath.Join(dir, identityFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("edge: cannot open identity: %w", err)
	}
	id := &identity{file: f}
	if err := id.start(path, time.Now()); err != nil {
		f.Close()
		return nil, err
	}
	return id, nil
}

func (id *identity) start(path string, now time.Time) error {
	if err := unix.Flock(int(id.file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("edge: directory %s is in use by another edge", filepath.Dir(path))
		}
		return fmt.Errorf("edge: cannot lock %s: %w", path, err)
	}
	text, err := io.ReadAll(io.LimitReader(id.file, 256))
	if err != nil {
		return fmt.Errorf("edge: cannot read %s: %w", path, err)
	}
	var epoch uint32
	if len(bytes.TrimSpace(text)) > 0 {
		if _, err := fmt.Sscanf(string(text), "edge %x epoch %d\n", &id.edge, &epoch); err != nil || id.edge == 0 {
			return fmt.Errorf("edge: %s does not hold an identity; remove it to get a new one", path)
		}
	}
	for id.edge == 0 {
		var random [8]byte
		if _, err := rand.Read(random[:]); err != nil {
			return fmt.Errorf("edge: cannot draw an identity: %w", err)
		}
		id.edge = binary.BigEndian.Uint64(random[:])
	}
	epoch = max(epoch+1, uint32(now.Unix()))
	id.counter = uint64(epoch) << 32
	return id.save(epoch)
}

// save writes the line in one go over the old one: it has the same length whatever the
// numbers, so a crash leaves one or the other.
func (id *identity) save(epoch uint32) error {
	line := fmt.Sprintf("edge %016x epoch %010d\n", id.edge, epoch)
	if _, err := id.file.WriteAt([]byte(line), 0); err != nil {
		return fmt.Errorf("edge: cannot write identity: %w", err)
	}
	if err := id.file.Sync(); err != nil {
		return fmt.Errorf("edge: cannot write identity: %w", err)
	}
	return nil
}

// close gives the lock back.
func (id *identity) close() { id.file.Close() }

// ErrName is returned for a name that an edge cannot have.
var ErrName = errors.New("edge: a name has 1 to 64 letters, digits, dots, dashes, underscores or colons")

// CheckName returns ErrName if name cannot be an edge's.
func CheckName(name string) error {
	if name == "" || len(name) > wire.MaxName || strings.Trim(name, ".") == "" {
		return ErrName
	}
	for _, c := range []byte(name) {
		if !nameByte(c) {
			return ErrName
		}
	}
	return nil
}

func nameByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' ||
		c == '.' || c == '-' || c == '_' || c == ':'
}

// defaultName is the host's name, with what a name may not have replaced.
func defaultName() string {
	host, err := os.Hostname()
	if err != nil {
		return "edge"
	}
	name := []byte(host[:min(len(host), wire.MaxName)])
	for i, c := range name {
		if !nameByte(c) {
			name[i] = '-'
		}
	}
	if CheckName(string(name)) != nil {
		return "edge"
	}
	return string(name)
}
