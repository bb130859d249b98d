package origin

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"

	"fanfare/internal/origin/edges"
)

// Keys in the log's database: a letter, then a number, big-endian.
const (
	keyEntry  = 'e' // sequence -> the entry as signed
	keyBundle = 'b' // sequence -> a bundle whose file may not be durable, see package spool
	keyEdge   = 'x' // id -> edges.Saved as JSON
	keyProof  = 'p' // 0 -> what showed that this log is an older copy, see guard
)

// entryLog is the durable log: entries by sequence, and the expected edges. It may be used by
// many goroutines.
type entryLog struct{ db *pebble.DB }

func openLog(dir string, log *slog.Logger) (*entryLog, error) {
	cache := pebble.NewCache(4 << 20)
	defer cache.Unref()
	db, err := pebble.Open(dir, &pebble.Options{
		Cache:        cache,
		MemTableSize: 4 << 20,
		Logger:       storeLogger{log},
	})
	if err != nil {
		return nil, fmt.Errorf("origin: log: %w", err)
	}
	return &entryLog{db: db}, nil
}

func (l *entryLog) close() error { return l.db.Close() }

func numberKey(letter byte, number uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{letter}, number)
}

// append stores entries from sequence first on, and bundles that some of them publish, all or
// none, and returns when they are on disk.
func (l *entryLog) append(first uint64, raw [][]byte, bundles map[uint64][]byte) error {
	size := 64
	for _, content := range bundles {
		size += 32 + len(content)
	}
	for _, r := range raw {
		size += 32 + len(r)
	}
	batch := l.db.NewBatchWithSize(size)
	defer batch.Close()
	for sequence, content := range bundles {
		if err := batch.Set(numberKey(keyBundle, sequence), content, nil); err != nil {
			return fmt.Errorf("origin: log: %w", err)
		}
	}
	for i, r := range raw {
		if err := batch.Set(numberKey(keyEntry, first+uint64(i)), r, nil); err != nil {
			return fmt.Errorf("origin: log: %w", err)
		}
	}
	if err := batch.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("origin: log: %w", err)
	}
	return nil
}

// bundles hands the bundles that append stored, and dropBundles did not drop, to each, as entries does.
func (l *entryLog) bundles(each func(sequence uint64, content []byte) (bool, error)) error {
	return l.scan(keyBundle, 0, each)
}

// dropBundles drops bundles. They may come back after a crash.
func (l *entryLog) dropBundles(sequences []uint64) error {
	batch := l.db.NewBatch()
	defer batch.Close()
	for _, sequence := range sequences {
		if err := batch.Delete(numberKey(keyBundle, sequence), nil); err != nil {
			return fmt.Errorf("origin: log: %w", err)
		}
	}
	if err := batch.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("origin: log: %w", err)
	}
	return nil
}

// errNoEntry is returned for a sequence that the log does not have.
var errNoEntry = errors.New("origin: no such entry")

// entry returns a copy of one entry.
func (l *entryLog) entry(sequence uint64) ([]byte, error) {
	value, closer, err := l.db.Get(numberKey(keyEntry, sequence))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, errNoEntry
	} else if err != nil {
		return nil, fmt.Errorf("origin: log: %w", err)
	}
	defer closer.Close()
	return append([]byte(nil), value...), nil
}

// entries hands the entries from sequence on, in order, to each, until it returns false or an
// error. The slice is valid during the call only.
func (l *entryLog) entries(from uint64, each func(sequence uint64, raw []byte) (bool, error)) error {
	return l.scan(keyEntry, from, each)
}

// scan walks the keys of one letter from a number on.
func (l *entryLog) scan(letter byte, from uint64, each func(number uint64, value []byte) (bool, error)) error {
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: numberKey(letter, from), UpperBound: []byte{letter + 1}})
	if err != nil {
		return fmt.Errorf("origin: log: %w", err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			it.Close()
			return fmt.Errorf("origin: log: %w", err)
		}
		if more, err := each(binary.BigEndian.Uint64(it.Key()[1:]), value); err != nil || !more {
			return errors.Join(err, it.Close())
		}
	}
	if err := it.Close(); err != nil {
		return fmt.Errorf("origin: log: %w", err)
	}
	return nil
}

// saveEdges forgets edges and stores others, in one batch. What is in both was forgotten and
// heard again, so it is stored.
func (l *entryLog) saveEdges(save map[uint64]edges.Saved, forget []uint64) error {
	batch := l.db.NewBatch()
	defer batch.Close()
	for _, id := range forget {
		if err := batch.Delete(numberKey(keyEdge, id), nil); err != nil {
			return fmt.Errorf("origin: log: %w", err)
		}
	}
	for id, e := range save {
		text, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("origin: log: %w", err)
		}
		if err := batch.Set(numberKey(keyEdge, id), text, nil); err != nil {
			return fmt.Errorf("origin: log: %w", err)
		}
	}
	if err := batch.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("origin: log: %w", err)
	}
	return nil
}

// loadEdges returns the edges stored.
func (l *entryLog) loadEdges() (map[uint64]edges.Saved, error) {
	saved := make(map[uint64]edges.Saved)
	err := l.scan(keyEdge, 0, func(id uint64, value []byte) (bool, error) {
		var e edges.Saved
		if err := json.Unmarshal(value, &e); err != nil {
			return false, fmt.Errorf("origin: log: edge %x: %w", id, err)
		}
		saved[id] = e
		return true, nil
	})
	return saved, err
}

// saveProof stores what showed that this log is an older copy.
func (l *entryLog) saveProof(raw []byte) error {
	if err := l.db.Set(numberKey(keyProof, 0), raw, pebble.Sync); err != nil {
		return fmt.Errorf("origin: log: %w", err)
	}
	return nil
}

// loadProof returns what saveProof stored, nil if nothing.
func (l *entryLog) loadProof() (raw []byte, err error) {
	err = l.scan(keyProof, 0, func(_ uint64, value []byte) (bool, error) {
		raw = append(raw, value...)
		return false, nil
	})
	return raw, err
}

// dropProof forgets what saveProof stored.
func (l *entryLog) dropProof() error {
	if err := l.db.Delete(numberKey(keyProof, 0), pebble.Sync); err != nil {
		return fmt.Errorf("origin: log: %w", err)
	}
	return nil
}

// storeLogger passes on what the database says of itself.
type storeLogger struct{ log *slog.Logger }

// Infof drops what is of interest to the database's makers only.
func (s storeLogger) Infof(string, ...any) {}

// Errorf logs.
func (s storeLogger) Errorf(format string, args ...any) {
	s.log.Error("log database", "error", fmt.Sprintf(format, args...))
}

// Fatalf ends the process: the database calls it when a sync failed, and then nobody knows
// what is on the disk. It must not return.
func (s storeLogger) Fatalf(format string, args ...any) {
	panic("origin: the log can no longer be written: " + fmt.Sprintf(format, args...))
}
