package edgecache

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const crashKeys = 5

// history is what an origin did, the same for the same seed.
type history []*made

func newHistory(t testing.TB, seed uint64, length int) (*origin, history) {
	rng := rand.New(rand.NewPCG(seed, 3))
	o := newOrigin(t)
	o.oti.SymbolLength = 256
	var h history
	for range length {
		if rng.IntN(4) == 0 {
			h = append(h, o.purge(purgeKey(fmt.Sprint("/", rng.IntN(crashKeys)))))
			continue
		}
		o.inline = rng.IntN(2) * 2000
		var bodies []body
		for _, k := range rng.Perm(crashKeys)[:1+rng.IntN(3)] {
			bodies = append(bodies, file(fmt.Sprint("/", k), string(random(rng.Uint64(), rng.IntN(20_000)))))
		}
		m := o.publish(bodies...)
		m.bodies = bodies
		h = append(h, m)
	}
	return o, h
}

// after returns what a key gives when the first n entries are in force and complete.
func (h history) after(n int, path string) (text string, ok bool) {
	for _, m := range h[:n] {
		for _, b := range m.bodies {
			if b.key.Path == path {
				text, ok = string(b.bytes), true
			}
		}
		for _, s := range m.entry.Purge {
			if s.Key.Path == path {
				text, ok = "", false
			}
		}
	}
	return text, ok
}

// play brings the entries one after the other, from where the cache is. told is called with
// what the cache says to have durably, after each.
func (e *edge) play(h history, told func(complete uint64)) {
	e.t.Helper()
	for _, m := range h {
		if err := e.Apply(m.raw, m.entry); err != nil {
			e.t.Fatal(err)
		}
		if m.entry.Publish != nil {
			if err := e.bringRest(m); err != nil {
				e.t.Fatal(err)
			}
		}
		told(e.told().Complete)
	}
}

// told returns what the loop would tell the origin, from when it may.
func (e *edge) told() State {
	e.t.Helper()
	if !e.Settle() {
		if err := e.Harden(); err != nil {
			e.t.Fatal(err)
		}
	}
	return e.Durable()
}

// bringRest brings the blocks of a bundle that are not there, and commits it.
func (e *edge) bringRest(m *made) error {
	err := e.Begin(m.sequence(), m.part.OTI())
	if err != nil && !errors.Is(err, ErrNotWanted) {
		return err
	}
	for sbn := range m.part.Blocks() {
		if e.incoming[m.sequence()] == nil {
			break // ready, or its own manifest says that nothing in it is needed
		}
		if !slices.ContainsFunc(e.Whole(m.sequence()), func(r BlockRange) bool { return r.First <= sbn && sbn < r.First+r.Count }) {
			e.receive(m, sbn)
		}
	}
	for _, sequence := range e.Ready() {
		if err := e.Commit(sequence)[0]; err != nil {
			return err
		}
	}
	return nil
}

// check compares what a reopened cache serves with a history of which it told that the first
// complete entries are in force.
func (e *edge) check(h history, complete uint64) {
	e.t.Helper()
	_, highest := e.Position()
	if highest < complete {
		e.t.Fatalf("highest entry %d, told %d", highest, complete)
	}
	if s := e.State(); s.Complete < complete || len(s.Failed) > 0 {
		e.t.Fatalf("told %d, now %+v", complete, s)
	}
	for k := range crashKeys {
		path := fmt.Sprint("/", k)
		status, body := e.answer(at(path))
		legal := false
		for n := complete; n <= highest; n++ {
			text, ok := h.after(int(n), path)
			legal = legal || ok && status == 200 && body == text || !ok && status == 404
		}
		if status == 503 { // announced, its bytes not acknowledged
			_, legal = h.after(int(highest), path)
			legal = legal && highest > complete
		}
		if !legal {
			e.t.Fatalf("%s: %d, %d bytes, of no state between entry %d and %d", path, status, len(body), complete, highest)
		}
	}
}

const crashVariable = "FANFARE_TEST_CRASH"

// TestKill kills a process that fills a cache, again and again, at moments of its choosing.
func TestKill(t *testing.T) {
	if dir := os.Getenv(crashVariable); dir != "" {
		crashChild(t, dir)
		return
	}
	rng := rand.New(rand.NewPCG(rand.Uint64(), 0))
	dir := t.TempDir()
	o, h := newHistory(t, 1, 60)
	told := uint64(0)
	for round := 0; told < uint64(len(h)) && round < 40; round++ {
		told = max(told, killed(t, dir, rng))
		e := openEdge(t, o, o.config(dir))
		e.check(h, told)
		e.close()
	}
	e := openEdge(t, o, o.config(dir))
	e.play(h, func(uint64) {})
	e.check(h, uint64(len(h)))
}

// killed runs a child until it has told some progress, kills it, and returns what it told.
func killed(t *testing.T, dir string, rng *rand.Rand) (told uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), crashVariable+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, left := bufio.NewScanner(output), rng.IntN(12)
	for lines.Scan() {
		var complete uint64
		if _, err := fmt.Sscanf(lines.Text(), "told %d", &complete); err == nil {
			told = complete
			left--
		} else if strings.Contains(lines.Text(), "FAIL") || strings.Contains(lines.Text(), ".go:") {
			t.Errorf("child: %s", lines.Text())
		}
		if left == 0 {
			for range rng.IntN(1 << 20) { // a moment of no particular length
				left--
			}
			if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // killed, or done
	return told
}

// crashChild fills the cache in dir and tells how far it is.
func crashChild(t *testing.T, dir string) {
	o, h := newHistory(t, 1, 60)
	e := openEdge(t, o, o.config(dir))
	e.play(h, func(complete uint64) { fmt.Printf("told %d\n", complete) })
}

// TestPowerLoss takes away what was never synced: of the index by its file system, of the bundle
// files by damage to each whose last sync is not its last write.
func TestPowerLoss(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 4))
		o, h := newHistory(t, seed, 25)
		memory := vfs.NewCrashableMem()
		dir, told, start := t.TempDir(), uint64(0), 0
		for start < len(h) {
			synced := surviving(t, dir)
			under := system{index: memory, disk: func(d *disk) { recordSyncs(d, synced) }}
			e := openEdgeOn(t, o, o.config(dir), under)
			e.check(h, told)
			start = min(len(h), start+1+rng.IntN(8))
			e.play(h[:start], func(complete uint64) { told = complete })
			if start < len(h) { // one more, only in part
				m := h[start]
				e.apply(m)
				if m.entry.Publish != nil && e.Begin(m.sequence(), m.part.OTI()) == nil && m.part.Blocks() > 0 {
					e.receive(m, m.part.Blocks()-1)
				}
			}
			memory = memory.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(2) * 50, RNG: rng})
			dir = damaged(t, e.cfg.Dir, synced, rng)
			e.close()
		}
	}
}

// surviving returns the bundle files that are there after a crash: they are on the medium.
func surviving(t *testing.T, dir string) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "bundles"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, entry := range entries {
		names[entry.Name()] = true
	}
	return names
}

// recordSyncs keeps the names of the bundle files that were synced after their last write.
func recordSyncs(d *disk, synced map[string]bool) {
	var mu sync.Mutex // a file and its directory are synced at a time
	write, syncFile := d.writeAt, d.sync
	d.writeAt = func(f *os.File, b []byte, offset int64) error {
		mu.Lock()
		delete(synced, filepath.Base(f.Name()))
		mu.Unlock()
		return write(f, b, offset)
	}
	d.sync = func(f *os.File) error {
		mu.Lock()
		synced[filepath.Base(f.Name())] = true
		mu.Unlock()
		return syncFile(f)
	}
}

// damaged copies a cache's bundle files; those not synced may be gone, shorter or different.
func damaged(t *testing.T, dir string, synced map[string]bool, rng *rand.Rand) (copied string) {
	t.Helper()
	copied = t.TempDir()
	if err := os.Mkdir(filepath.Join(copied, "bundles"), 0o755); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "bundles"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		bytes, err := os.ReadFile(filepath.Join(dir, "bundles", entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !synced[entry.Name()] && len(bytes) > 0 {
			switch rng.IntN(3) {
			case 0:
				continue
			case 1:
				bytes = bytes[:rng.IntN(len(bytes))]
			case 2:
				clear(bytes[rng.IntN(len(bytes)):])
			}
		}
		if err := os.WriteFile(filepath.Join(copied, "bundles", entry.Name()), bytes, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return copied
}
