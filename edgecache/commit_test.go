package edgecache

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestCommitOfMany commits bundles together, one of which the disk refuses.
func TestCommitOfMany(t *testing.T) {
	o := newOrigin(t)
	cause := errors.New("medium error")
	e := openEdgeOn(t, o, o.config(t.TempDir()), system{disk: func(d *disk) {
		syncFile := d.sync
		d.sync = func(f *os.File) error {
			if filepath.Base(f.Name()) == "2" {
				return cause
			}
			return syncFile(f)
		}
	}})
	a, b, c, d := o.publish(file("/a", "A")), o.publish(file("/b", "B")), o.publish(file("/c", "C")), o.publish(file("/d", "D"))
	for _, m := range []*made{a, b, c, d} {
		e.apply(m)
		e.receive(m)
	}
	e.apply(o.purge(purgeKey("/c")))
	errs := e.Commit(append(e.Ready(), 9)...)
	if len(errs) != 5 || errs[0] != nil || !errors.Is(errs[1], ErrFailed) || !errors.Is(errs[1], cause) || errs[3] != nil || errs[4] != ErrUnknown {
		t.Fatalf("errors: %v", errs)
	}
	e.want(at("/a"), 200, "A")
	e.want(at("/b"), 503, "")
	e.want(at("/c"), 404, "")
	e.want(at("/d"), 200, "D")
	if s := e.told(); len(s.Failed) != 1 || s.Failed[0].Sequence != 2 || s.Complete != 1 {
		t.Errorf("state: %+v", s)
	}
	if n := e.Stats().BundlesCommitted; n != 2 {
		t.Errorf("%d bundles committed, want 2", n)
	}
}

// TestOneWait holds the sync of a bundle's file back until the log of the index is synced, and so
// ends only if a commit begins both before it waits for either.
func TestOneWait(t *testing.T) {
	o := newOrigin(t)
	logSynced := make(chan struct{}, 100)
	e := openEdgeOn(t, o, o.config(t.TempDir()), system{
		index: &tellingFS{vfs.NewMem(), func() {
			select {
			case logSynced <- struct{}{}:
			default:
			}
		}},
		disk: func(d *disk) {
			syncFile := d.sync
			d.sync = func(f *os.File) error {
				if filepath.Base(f.Name()) == "1" {
					select {
					case <-logSynced:
					case <-time.After(time.Minute):
						t.Error("the index waits for the file")
					}
				}
				return syncFile(f)
			}
		},
	})
	m := o.publish(file("/a", "x"))
	e.apply(m)
	e.receive(m)
	for len(logSynced) > 0 {
		<-logSynced
	}
	e.commit(m)
	if !e.Settle() || e.Durable().Complete != 1 {
		t.Errorf("after a commit there is more to wait for: %+v", e.Durable())
	}
	if len(logSynced) > 0 {
		t.Error("the index synced twice")
	}
}

// tellingFS calls synced after each sync of a log file.
type tellingFS struct {
	vfs.FS
	synced func()
}

func (fs *tellingFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	if err == nil && strings.HasSuffix(name, ".log") {
		f = &tellingFile{f, fs.synced}
	}
	return f, err
}

type tellingFile struct {
	vfs.File
	synced func()
}

func (f *tellingFile) Sync() error {
	defer f.synced()
	return f.File.Sync()
}

func (f *tellingFile) SyncData() error {
	defer f.synced()
	return f.File.SyncData()
}

func (f *tellingFile) SyncTo(length int64) (full bool, err error) {
	defer f.synced()
	return f.File.SyncTo(length)
}

// TestPowerLossInCommit takes the power away in the middle of a commit, when of a bundle's file and
// the index one is durable, none or both, and after the edge has told of a bundle without record.
func TestPowerLossInCommit(t *testing.T) {
	const before, after = "the one", "the other, a little longer"
	for _, test := range []struct {
		name             string
		file, index, end bool // what is durable; end: the edge has told of it
		want             string
		complete         uint64
	}{
		{name: "nothing is durable", want: before, complete: 1},
		{name: "only the index is durable", index: true, want: before, complete: 1},
		{name: "only the file is durable", file: true, want: before, complete: 1},
		{name: "both are durable", file: true, index: true, want: after, complete: 2},
		{name: "told", file: true, index: true, end: true, want: after, complete: 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := newOrigin(t)
			memory, dir := vfs.NewCrashableMem(), t.TempDir()
			var lost *vfs.MemFS // the index as the power loss leaves it
			var e *edge
			e = openEdgeOn(t, o, o.config(dir), system{index: memory, disk: func(d *disk) {
				syncFile := d.sync
				d.sync = func(f *os.File) error {
					if filepath.Base(f.Name()) == "2" && test.index && !test.end {
						if err := e.index.sync(); err != nil {
							t.Error(err)
						}
						lost = memory.CrashClone(vfs.CrashCloneCfg{})
					}
					return syncFile(f)
				}
			}})
			first, second := o.publish(file("/a", before)), o.publish(file("/a", after))
			e.deliver(first)
			if err := e.Sync(); err != nil {
				t.Fatal(err)
			}
			e.apply(second)
			e.receive(second)
			if !test.index {
				lost = memory.CrashClone(vfs.CrashCloneCfg{})
			}
			e.commit(second)
			if complete := e.told().Complete; complete != 2 {
				t.Fatalf("told %d", complete)
			}
			if test.end {
				lost = memory.CrashClone(vfs.CrashCloneCfg{})
			}
			synced := map[string]bool{"1": true, "2": test.file}
			damagedDir := damaged(t, dir, synced, rand.New(rand.NewPCG(1, 1)))
			again := openEdgeOn(t, o, o.config(damagedDir), system{index: lost})
			again.want(at("/a"), 200, test.want)
			if s := again.told(); s.Complete != test.complete || len(s.Failed) > 0 {
				t.Errorf("state: %+v, want %d complete", s, test.complete)
			}
			again.apply(second)
			if err := again.bringRest(second); err != nil {
				t.Fatal(err)
			}
			again.want(at("/a"), 200, after)
		})
	}
}

// TestLargeRecord: a bundle that takes long to read has its record on disk before it is served.
func TestLargeRecord(t *testing.T) {
	o := newOrigin(t)
	memory := vfs.NewCrashableMem()
	e := openEdgeOn(t, o, o.config(t.TempDir()), system{index: memory})
	small, large := o.publish(file("/a", "x")), o.publish(file("/b", string(random(1, 3000))))
	e.recheckBytes = int64(small.part.OTI().TransferLength)
	for _, m := range []*made{small, large} {
		e.apply(m)
		e.receive(m)
	}
	if errs := e.Commit(e.Ready()...); errs[0] != nil || errs[1] != nil {
		t.Fatal(errs)
	}
	lost := memory.CrashClone(vfs.CrashCloneCfg{})
	dir := damaged(t, e.cfg.Dir, map[string]bool{"1": true, "2": true}, nil)
	again := openEdgeOn(t, o, o.config(dir), system{index: lost})
	if complete, s := again.told().Complete, again.Stats(); complete != 2 || s.BlocksResumed != uint64(small.part.Blocks()) {
		t.Errorf("%d complete, stats %+v", complete, s)
	}
}

// TestRecordsBehind: records that no sync has taken to the disk are known as such, however many
// commits found nothing to sync in the index.
func TestRecordsBehind(t *testing.T) {
	o := newOrigin(t)
	memory := vfs.NewCrashableMem()
	e := openEdgeOn(t, o, o.config(t.TempDir()), system{index: memory})
	first, second := o.publish(file("/a", "A")), o.publish(file("/b", "B"))
	for _, m := range []*made{first, second} {
		e.apply(m)
		e.receive(m)
	}
	for _, sequence := range e.Ready() {
		if err := e.Commit(sequence)[0]; err != nil {
			t.Fatal(err)
		}
		if !e.Settle() || !e.Unsynced() {
			t.Errorf("bundle %d: all on disk: %v", sequence, !e.Unsynced())
		}
		if b := e.bundles[first.sequence()]; b.recorded <= e.onDisk {
			t.Errorf("bundle %d: the first record, of batch %d, is taken to be on disk: %d are", sequence, b.recorded, e.onDisk)
		}
	}
	if err := e.Harden(); err != nil || e.Unsynced() {
		t.Errorf("hardened: %v, all on disk: %v", err, !e.Unsynced())
	}
	lost := memory.CrashClone(vfs.CrashCloneCfg{})
	dir := damaged(t, e.cfg.Dir, map[string]bool{"1": true, "2": true}, nil)
	again := openEdgeOn(t, o, o.config(dir), system{index: lost})
	if s := again.Stats(); s.BlocksResumed > 0 || s.Bundles != 2 {
		t.Errorf("read again what had its record: %+v", s)
	}
}

// TestEvictedWithoutRecord evicts a bundle whose record is not durable: after a power loss it must
// not be wanted again.
func TestEvictedWithoutRecord(t *testing.T) {
	o := newOrigin(t)
	memory := vfs.NewCrashableMem()
	cfg := o.config(t.TempDir())
	first, second := o.publish(file("/a", string(random(1, 3000)))), o.publish(file("/b", string(random(2, 3000))))
	cfg.MaxBytes = int64(first.part.OTI().TransferLength) + 100
	e := openEdgeOn(t, o, cfg, system{index: memory})
	e.deliver(first)
	if s := e.told(); s.Complete != 1 || !e.Unsynced() {
		t.Fatalf("state: %+v, all on disk: %v", s, !e.Unsynced())
	}
	e.apply(second)
	e.receive(second)
	lost := memory.CrashClone(vfs.CrashCloneCfg{})
	again := openEdgeOn(t, o, o.config(damaged(t, cfg.Dir, map[string]bool{}, rand.New(rand.NewPCG(1, 1)))), system{index: lost})
	if wanted := again.Wanted(9); again.told().Complete != 1 || len(wanted) > 1 {
		t.Errorf("state: %+v, wanted: %v", again.told(), wanted)
	}
}

// A bundle whose file goes before it is complete does not become complete, and comes again.
func TestLostBeforeComplete(t *testing.T) {
	for _, way := range ways {
		o := newOrigin(t)
		o.inline = 4000
		e := openEdge(t, o, o.config(t.TempDir()))
		now := time.Unix(1_800_000_000, 0)
		e.clock(now)
		text := string(random(1, 2000))
		m := o.publish(file("/a", text))
		e.apply(m)
		e.receive(m)
		if err := way.lose(e.disk.path(1)); err != nil {
			t.Fatal(err)
		}
		if err := e.Commit(e.Ready()...)[0]; !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "removed or cut short") {
			t.Errorf("%s: %v", way.name, err)
		}
		if s := e.State(); s.Complete != 0 || len(s.Failed) != 1 || e.Stats().Bytes != 0 {
			t.Errorf("%s: %+v", way.name, s)
		}
		e.want(at("/a"), 503, "")
		e.clock(now.Add(DefaultRetryAfter))
		if w := e.Wanted(9); len(w) != 1 {
			t.Errorf("%s: wanted %v", way.name, w)
		}
		e.receive(m)
		e.commit(m)
		e.want(at("/a"), 200, text)
	}
}
