package edgecache

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"fanfare/control"
)

// Defaults of Config.
const (
	DefaultMemoryBytes  = 64 << 20
	DefaultReserveBytes = 64 << 20
	DefaultRetryAfter   = 30 * time.Second
)

// Config is what a Cache is opened with.
type Config struct {
	// Dir is the cache's directory; it is made if it is missing. One process at a time.
	Dir string
	// Name is the edge's name, as Cache-Status says it.
	Name string
	// Channel and Generation are the session's. A directory belongs to one of each.
	Channel    uint32
	Generation control.Generation
	// Key is the origin's: entries read back from disk are opened with it.
	Key ed25519.PublicKey
	// MaxBytes bounds the bundle files, in bytes; 0: no limit but the disk. Where it is
	// reached, whole bundles go, the least recently served first, and up to a 128th of it ahead of need.
	MaxBytes int64
	// MemoryBytes bounds the symbols held in memory; 0: DefaultMemoryBytes. A quarter of
	// it is for repair symbols, of which up to 1 GiB more lie on disk.
	MemoryBytes int64
	// ReserveBytes is disk space that bundle files leave free, for the index; 0:
	// DefaultReserveBytes, negative: none.
	ReserveBytes int64
	// RetryAfter is how long a bundle that failed for want of space stays failed before it
	// is wanted again; 0: DefaultRetryAfter.
	RetryAfter time.Duration
	// Log takes changes of state; nil: slog.Default().
	Log *slog.Logger
}

// ErrGeneration is returned by Open for a directory of another generation or channel.
var ErrGeneration = errors.New("edgecache: the directory belongs to another generation")

// ErrFormat is returned by Open for a directory that another version of this package made.
var ErrFormat = errors.New("edgecache: the directory is of another version of this program")

// Validate returns an error that says what is wrong with c, if anything is.
func (c Config) Validate() error {
	switch {
	case c.Dir == "":
		return errors.New("edgecache: no directory given")
	case len(c.Key) != ed25519.PublicKeySize:
		return fmt.Errorf("edgecache: a public key of %d bytes, want %d", len(c.Key), ed25519.PublicKeySize)
	case c.MaxBytes < 0:
		return fmt.Errorf("edgecache: size limit %d is negative", c.MaxBytes)
	case c.MemoryBytes < 0:
		return fmt.Errorf("edgecache: memory limit %d is negative", c.MemoryBytes)
	case c.RetryAfter < 0:
		return fmt.Errorf("edgecache: retry interval %v is negative", c.RetryAfter)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.MemoryBytes == 0 {
		c.MemoryBytes = DefaultMemoryBytes
	}
	switch {
	case c.ReserveBytes == 0:
		c.ReserveBytes = DefaultReserveBytes
	case c.ReserveBytes < 0:
		c.ReserveBytes = 0
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = DefaultRetryAfter
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}
