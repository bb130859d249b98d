package edgecache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"fanfare/control"
)

// The keys of the index; sequences are big-endian, so that they sort.
//
//	'i'             identity: format, channel, generation
//	'h'             mark and hash of the entry there
//	's'             the entry there, as sent
//	'e' sequence    entry as sent: above the mark, or of a bundle that is not complete
//	'm' sequence    encoded manifest of a bundle whose entry is above the mark
//	'b' sequence    a bundle that is complete, or was and is evicted or lost: a record
//	'd' sequence    which objects of a bundle are rows no more; none if all are
//	'r' ^sequence   the objects of a bundle: rows, as far as its entry is not above the mark. The
//	                newest come first, next to the keys above: what is written at a time lies
//	                together, and older rows need no merging with it
const (
	tagIdentity = 'i'
	tagMark     = 'h'
	tagSigned   = 's'
	tagRows     = 'r'
	tagDeleted  = 'd'
	tagEntry    = 'e'
	tagManifest = 'm'
	tagBundle   = 'b'
)

// indexFormat is the version of all this.
const indexFormat = 5

// ballastBytes is what is given back to a full disk so that the index can go on.
const ballastBytes = 8 << 20

// index is the durable state beside the bundle files.
type index struct {
	db      *pebble.DB
	ballast string
}

// openIndex opens or makes the index in dir, on fs or else the system's files. It returns
// an error that wraps ErrGeneration if it belongs to another channel or generation, and one that
// wraps ErrFormat if another version made it.
func openIndex(dir string, fs vfs.FS, cfg Config) (*index, error) {
	if fs == nil {
		fs = vfs.Default
	}
	x := &index{ballast: filepath.Join(cfg.Dir, "ballast")}
	cache := pebble.NewCache(8 << 20)
	defer cache.Unref()
	options := &pebble.Options{
		FS: vfs.OnDiskFull(fs, func() {
			cfg.Log.Error("disk full: the index takes its ballast", "dir", cfg.Dir)
			os.Remove(x.ballast)
		}),
		Cache:              cache,
		MemTableSize:       4 << 20,
		MaxOpenFiles:       64,
		Logger:             indexLog{cfg.Log},
		FormatMajorVersion: pebble.FormatNewest,
	}
	db, err := pebble.Open(dir, options)
	if err != nil {
		return nil, fmt.Errorf("edgecache: the index in %s cannot be opened (%w): if no other process uses it, it is damaged; empty %s, and the edge fetches everything anew", dir, err, cfg.Dir)
	}
	x.db = db
	if err := x.checkIdentity(cfg); err != nil {
		db.Close()
		return nil, err
	}
	return x, nil
}

func (x *index) checkIdentity(cfg Config) error {
	want := []byte{indexFormat}
	want = binary.BigEndian.AppendUint32(want, cfg.Channel)
	want = binary.BigEndian.AppendUint32(want, cfg.Generation.Order)
	want = binary.BigEndian.AppendUint64(want, cfg.Generation.Random)
	have, err := x.get([]byte{tagIdentity})
	switch {
	case err != nil:
		return err
	case have == nil:
		return x.db.Set([]byte{tagIdentity}, want, pebble.Sync)
	case string(have) == string(want):
		return nil
	case len(have) != len(want) || have[0] != indexFormat:
		return fmt.Errorf("%w: empty %s, and the edge fetches everything anew", ErrFormat, cfg.Dir)
	}
	other := control.Generation{Order: binary.BigEndian.Uint32(have[5:]), Random: binary.BigEndian.Uint64(have[9:])}
	return fmt.Errorf("%w: %s holds channel %d, generation %v, and the session is channel %d, generation %v; empty it to begin anew",
		ErrGeneration, cfg.Dir, binary.BigEndian.Uint32(have[1:]), other, cfg.Channel, cfg.Generation)
}

// get returns a copy of a value, nil if there is none.
func (x *index) get(key []byte) ([]byte, error) {
	v, closer, err := x.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("edgecache: read index: %w", err)
	}
	defer closer.Close()
	return append([]byte{}, v...), nil
}

// each calls f for every pair whose key begins with tag; both are valid during the call.
func (x *index) each(tag byte, f func(key, value []byte) error) error {
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: []byte{tag}, UpperBound: []byte{tag + 1}})
	if err != nil {
		return fmt.Errorf("edgecache: read index: %w", err)
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		if err := f(it.Key(), it.Value()); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("edgecache: read index: %w", err)
	}
	return nil
}

// sync makes every batch applied so far durable.
func (x *index) sync() error {
	if err := x.db.LogData(nil, pebble.Sync); err != nil {
		return fmt.Errorf("edgecache: sync index: %w", err)
	}
	return nil
}

func sequenceKey(tag byte, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{tag}, sequence)
}

func keySequence(key []byte) uint64 { return binary.BigEndian.Uint64(key[1:]) }

func rowsKey(sequence uint64) []byte { return sequenceKey(tagRows, ^sequence) }

// A batch is a group of changes that the index takes or loses together.
type batch struct{ b *pebble.Batch }

func (x *index) newBatch() batch { return batch{x.db.NewBatch()} }

// The errors of Set and Delete on a batch in memory are those of a batch too large; apply
// reports it.
func (b batch) set(key, value []byte) { _ = b.b.Set(key, value, nil) }
func (b batch) delete(key []byte)     { _ = b.b.Delete(key, nil) }

// apply hands the batch to the index; it is durable after the next sync.
func (b batch) apply() error {
	defer b.b.Close()
	if b.b.Empty() {
		return nil
	}
	if err := b.b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("edgecache: write index: %w", err)
	}
	return nil
}

func (b batch) setMark(mark uint64, hash control.Hash) {
	b.set([]byte{tagMark}, append(binary.BigEndian.AppendUint64(nil, mark), hash[:]...))
}

// mark reads what setMark wrote; 0 in a new index.
func (x *index) mark() (mark uint64, hash control.Hash, err error) {
	v, err := x.get([]byte{tagMark})
	if err != nil || v == nil {
		return 0, hash, err
	}
	if len(v) != 8+len(hash) {
		return 0, hash, errors.New("edgecache: the index has a damaged mark")
	}
	copy(hash[:], v[8:])
	return binary.BigEndian.Uint64(v), hash, nil
}

func (b batch) setDeleted(sequence uint64, deleted control.ObjectSet) {
	v := make([]byte, 0, 8*len(deleted))
	for _, word := range deleted {
		v = binary.BigEndian.AppendUint64(v, word)
	}
	b.set(sequenceKey(tagDeleted, sequence), v)
}

// deleted reads what setDeleted wrote; nil if it did not.
func (x *index) deleted(sequence uint64) (deleted control.ObjectSet, err error) {
	v, err := x.get(sequenceKey(tagDeleted, sequence))
	if err != nil {
		return nil, err
	}
	if len(v)%8 != 0 || len(v) > control.MaxBundleObjects/8 {
		return nil, errors.New("edgecache: the index has a damaged set of objects")
	}
	for ; len(v) > 0; v = v[8:] {
		deleted = append(deleted, binary.BigEndian.Uint64(v))
	}
	return deleted, nil
}

// forget deletes all that there is of a bundle.
func (b batch) forget(sequence uint64) {
	for _, tag := range []byte{tagBundle, tagEntry, tagManifest, tagDeleted} {
		b.delete(sequenceKey(tag, sequence))
	}
	b.delete(rowsKey(sequence))
}

// indexLog passes on what the index says when something is wrong.
type indexLog struct{ log *slog.Logger }

func (indexLog) Infof(string, ...any) {}

func (l indexLog) Errorf(format string, args ...any) {
	l.log.Warn("index", "err", fmt.Sprintf(format, args...))
}

// Fatalf must not return: the index cannot go on, and whoever restarts the process finds
// everything that was durable.
func (l indexLog) Fatalf(format string, args ...any) {
	// The lines after the first are where the index was.
	text, _, _ := strings.Cut(fmt.Sprintf(format, args...), "\n")
	remedy := "make sure that the disk is well, and start the edge again"
	if isCorrupt(args) {
		remedy = "empty the edge's directory, and start it again: it gets everything anew"
	}
	l.log.Error("index failed", "err", text, "remedy", remedy)
	panic("edgecache: index failed: " + text + "; " + remedy)
}

// isCorrupt reports whether one of the arguments says that the index is damaged.
func isCorrupt(args []any) bool {
	return slices.ContainsFunc(args, func(arg any) bool {
		if _, ok := arg.(pebble.DataCorruptionInfo); ok {
			return true
		}
		err, ok := arg.(error)
		return ok && pebble.IsCorruptionError(err)
	})
}
