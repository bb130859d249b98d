package edgecache

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestEviction(t *testing.T) {
	o := newOrigin(t)
	o.inline = 4000
	cfg := o.config(t.TempDir())
	cfg.MaxBytes = 3500
	e := openEdge(t, o, cfg)
	now := time.Unix(1_800_000_000, 0)
	tick := func() { now = now.Add(time.Second); e.clock(now) }
	text := make([]string, 6)
	for i := 1; i <= 3; i++ {
		tick()
		text[i] = string(random(uint64(i), 1000))
		e.deliver(o.publish(file(fmt.Sprint("/", i), text[i])))
	}
	tick()
	e.want(at("/1"), 200, text[1]) // so 2 is the one that was served longest ago
	text[4] = string(random(4, 1000))
	e.deliver(o.publish(file("/4", text[4])))
	e.want(at("/2"), 503, "")
	if s := e.get(at("/2")).Header.Get("Cache-Status"); s != "e1;fwd=miss;detail=evicted" {
		t.Errorf("Cache-Status: %s", s)
	}
	e.wantFiles("1", "3", "4")
	if s := e.State(); s.Complete != 4 || len(e.Wanted(9)) != 0 {
		t.Errorf("state: %+v, wanted %v", s, e.Wanted(9))
	}
	huge := o.publish(file("/huge", strings.Repeat("x", 4000)))
	e.apply(huge)
	if err := e.Begin(5, huge.part.OTI()); !errors.Is(err, ErrFailed) {
		t.Errorf("begin of a bundle above the limit: %v", err)
	}
	if s := e.State(); s.Complete != 4 || len(s.Failed) != 1 {
		t.Errorf("state: %+v", s)
	}
	e.reopen()
	e.want(at("/2"), 503, "")
	e.want(at("/1"), 200, text[1])
	e.want(at("/3"), 200, text[3])
	e.want(at("/4"), 200, text[4])
	if s := e.Stats(); s.Bytes != 3000 || s.Bundles != 3 {
		t.Errorf("%+v", s)
	}
	// A smaller limit holds from the start.
	cfg = e.cfg
	cfg.MaxBytes = 1000
	e.close()
	e = openEdge(t, o, cfg)
	if s := e.Stats(); s.Bytes != 1000 || s.Bundles != 1 || s.Rows != 5 {
		t.Errorf("%+v", s)
	}
}

func TestBundlesOnTheirWayAreNotEvicted(t *testing.T) {
	o := newOrigin(t)
	o.inline = 4000
	cfg := o.config(t.TempDir())
	cfg.MaxBytes = 1500
	e := openEdge(t, o, cfg)
	first, second := o.publish(file("/1", strings.Repeat("1", 1000))), o.publish(file("/2", strings.Repeat("2", 1000)))
	e.apply(first, second)
	e.receive(first, 0)
	if err := e.Begin(2, second.part.OTI()); !errors.Is(err, ErrFailed) {
		t.Fatalf("begin: %v", err)
	}
	e.receive(first)
	e.commit(first)
	e.apply(o.purge(purgeKey("/1")))
	if s := e.State(); len(s.Failed) != 1 {
		t.Errorf("state: %+v", s)
	}
	// The purge gave its space back: the second is wanted at once.
	if w := e.Wanted(9); len(w) != 1 || w[0].Sequence != 2 {
		t.Fatalf("wanted: %v", w)
	}
	e.receive(second)
	e.commit(second)
	e.want(at("/2"), 200, strings.Repeat("2", 1000))
}

// failing is a disk that refuses when told to.
type failing struct{ allocate, write, sync error }

func (f *failing) install(d *disk) {
	allocate, write, sync := d.allocate, d.writeAt, d.sync
	d.allocate = func(file *os.File, size int64) error {
		if f.allocate != nil {
			return f.allocate
		}
		return allocate(file, size)
	}
	d.writeAt = func(file *os.File, b []byte, offset int64) error {
		if f.write != nil {
			return f.write
		}
		return write(file, b, offset)
	}
	d.sync = func(file *os.File) error {
		if f.sync != nil {
			return f.sync
		}
		return sync(file)
	}
}

func TestDiskFailures(t *testing.T) {
	tests := []struct {
		name  string
		fail  failing
		retry bool
		tells string // what the log says can be done
	}{
		{"no space set aside", failing{allocate: unix.ENOSPC}, true, "free space on the cache's file system, or set or lower the size limit (--max-size)"},
		{"no quota", failing{allocate: unix.EDQUOT}, true, "raise the disk quota"},
		{"no space at a write", failing{write: unix.ENOSPC}, true, "--max-size"},
		{"failed write", failing{write: unix.EIO}, false, "restart the edge"},
		{"failed sync", failing{sync: unix.EIO}, false, "restart the edge"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := newOrigin(t)
			o.inline = 4000
			var disk failing
			cfg := o.config(t.TempDir())
			var log bytes.Buffer
			cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
			e := openEdgeOn(t, o, cfg, system{disk: disk.install})
			now := time.Unix(1_800_000_000, 0)
			e.clock(now)
			e.deliver(o.publish(file("/a", "one")))
			text := string(random(1, 3000))
			m, other := o.publish(file("/a", text)), o.publish(file("/b", "two"))
			e.apply(m, other)

			disk = test.fail
			if err := e.whole(m); !errors.Is(err, ErrFailed) {
				t.Fatalf("error %v", err)
			}
			disk = failing{}
			if !strings.Contains(log.String(), "remedy=") || !strings.Contains(log.String(), test.tells) {
				t.Errorf("log %s, want %q", &log, test.tells)
			}
			s := e.State()
			if len(s.Failed) != 1 || s.Failed[0].Sequence != 2 || s.Failed[0].Reason == "" || s.Complete != 1 {
				t.Errorf("state: %+v", s)
			}
			e.want(at("/a"), 200, "one")
			e.receive(other)
			e.commit(other)
			e.want(at("/b"), 200, "two")
			e.wantFiles("1", "3")

			e.clock(now.Add(DefaultRetryAfter))
			wanted := 0
			if test.retry {
				wanted = 1
			}
			if w := e.Wanted(9); len(w) != wanted {
				t.Fatalf("wanted: %v, want %d", w, wanted)
			}
			if !test.retry {
				e.reopen()
			}
			e.receive(m)
			e.commit(m)
			e.want(at("/a"), 200, text)
		})
	}
}

// whole brings and commits a bundle until the first error.
func (e *edge) whole(m *made) error {
	e.t.Helper()
	if err := e.Begin(m.sequence(), m.part.OTI()); err != nil {
		return err
	}
	for sbn := range m.part.Blocks() {
		for esi := range m.part.SourceSymbols(sbn) {
			if err := e.Symbol(m.sequence(), sbn, esi, m.symbol(e.t, sbn, esi)); err != nil {
				return err
			}
		}
		if err := e.FinishBlock(m.sequence(), sbn); err != nil {
			return err
		}
	}
	for _, sequence := range e.Ready() {
		if err := e.Commit(sequence)[0]; err != nil {
			return err
		}
	}
	return nil
}

// TestFullDisk fills a real file system, small and of its own.
func TestFullDisk(t *testing.T) {
	dir, done := smallDisk(t, 24<<20)
	if done {
		return
	}
	o := newOrigin(t)
	o.oti.SymbolLength = 1024
	o.inline = 4000
	cfg := o.config(dir)
	cfg.ReserveBytes = 8 << 20
	e := openEdge(t, o, cfg)
	now := time.Unix(1_800_000_000, 0)
	e.clock(now)
	small := string(random(1, 10_000))
	e.deliver(o.publish(file("/small", small)))
	o.inline = 0
	o.oti.MaxBlock, o.oti.MaxSymbols = 100, 120
	big := o.publish(file("/big", string(random(2, 20<<20))))
	e.apply(big)
	if err := e.Begin(2, big.part.OTI()); !errors.Is(err, ErrFailed) || !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("begin: %v", err)
	}
	e.deliver(o.publish(file("/next", "next")))
	s := e.State()
	if len(s.Failed) != 1 || s.Failed[0].Sequence != 2 || !strings.Contains(s.Failed[0].Reason, "no space left") {
		t.Errorf("state: %+v", s)
	}
	// Somebody else takes the rest: the index goes on, from its ballast.
	filler, err := os.Create(dir + "/filler")
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	chunk := make([]byte, 64<<10)
	for err == nil {
		_, err = filler.Write(chunk)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	for i := range 200 {
		e.apply(o.purge(purgeKey(fmt.Sprintf("/none/%d/%s", i, strings.Repeat("x", 2000)))))
	}
	if err := e.Sync(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir + "/ballast"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the ballast was not needed: %v", err)
	}
	e.want(at("/small"), 200, small)
	e.want(at("/next"), 200, "next")
	if err := os.Remove(dir + "/filler"); err != nil {
		t.Fatal(err)
	}
	e.reopen()
	e.want(at("/small"), 200, small)
	if s := e.State(); s.Mark != 1 || len(s.Done) != 1 || s.Done[0] != (SequenceRange{3, 203}) {
		t.Errorf("state: %+v", s)
	}
}

// smallDisk mounts a file system of size bytes in a mount namespace, in which the test, which
// must call it first, runs once more as a process of its own. There it returns the directory; here
// it returns when that is done.
func smallDisk(t *testing.T, size int) (dir string, done bool) {
	t.Helper()
	const variable = "FANFARE_TEST_DISK"
	dir = os.Getenv(variable)
	if dir == "" {
		dir = t.TempDir()
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=60s")
		cmd.Env = append(os.Environ(), variable+"="+dir)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
		if os.Getuid() != 0 {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		output, err := cmd.CombinedOutput()
		switch {
		case errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || strings.Contains(string(output), "--- SKIP"):
			t.Skipf("no mount namespace can be made here: %v\n%s", err, output)
		case err != nil:
			t.Fatalf("%v\n%s", err, output)
		}
		return "", true
	}
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		t.Skipf("cannot make mounts private: %v", err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("cannot mount a tmpfs: %v", err)
	}
	return dir, false
}

// Small bundles are evicted some at a time, large ones no more than need be.
func TestEvictionAhead(t *testing.T) {
	o := newOrigin(t)
	o.inline = 4000
	cfg := o.config(t.TempDir())
	cfg.MaxBytes = 12_800 // a 128th of it is 100
	e := openEdge(t, o, cfg)
	now := time.Unix(1_800_000_000, 0)
	deliver := func(n int) {
		now = now.Add(time.Second)
		e.clock(now)
		e.deliver(o.publish(file(fmt.Sprint("/", o.sequence), strings.Repeat("x", n))))
	}
	for range 6 {
		deliver(30)
	}
	deliver(6000)
	deliver(6620) // all of it is taken
	for _, step := range []struct {
		size    int
		evicted uint64 // in all
	}{
		{30, 4}, // 30 bytes of need, and 90 ahead
		{90, 4},
		{30, 6}, // of the large ones none, though 60 are fewer than 130
		{31, 7}, // but now one, for a byte
	} {
		deliver(step.size)
		if s := e.Stats(); s.BundlesEvicted != step.evicted || s.Bytes > cfg.MaxBytes {
			t.Errorf("%d bytes: %d evicted, want %d; %d bytes", step.size, s.BundlesEvicted, step.evicted, s.Bytes)
		}
	}
}
