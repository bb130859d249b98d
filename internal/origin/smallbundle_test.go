package origin

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fanfare/control"
	"fanfare/internal/api"
)

// logged returns the bundles that the log of a stopped origin has.
func logged(t *testing.T, dir string, use func(l *entryLog, sequence uint64, content []byte)) {
	t.Helper()
	l, err := openLog(filepath.Join(dir, logName), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	err = l.bundles(func(sequence uint64, content []byte) (bool, error) {
		use(l, sequence, content)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// object returns the body that is published under a key.
func (r *running) object(t *testing.T, key string) string {
	t.Helper()
	parsed, err := control.ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.RLock()
	row, answer := r.catalogue.Lookup(parsed)
	r.mu.RUnlock()
	if answer != control.Found {
		t.Fatalf("%s is %v", key, answer)
	}
	return string(mustRead(t, bundlePath(r.dir, row.Version))[row.Offset:][:row.Length])
}

// What the disk has of the file of a small bundle after a crash does not matter: the log has it.
func TestSmallBundleSurvivesCrash(t *testing.T) {
	dir := initOrigin(t)
	rng := rand.New(rand.NewPCG(3, 4))
	want := map[string]string{}
	client, kill := startChild(t, dir)
	for i, size := range []int{0, 1, 5_000, 300_000} {
		name := strings.Repeat("x", i+1)
		want["/"+name] = strings.Repeat(name, size/len(name))
		if _, err := client.Publish(t.Context(), api.PublishOptions{}, tarOf(files{name: want["/"+name]})); err != nil {
			t.Fatal(err)
		}
	}
	kill()
	lost := 0
	logged(t, dir, func(_ *entryLog, sequence uint64, content []byte) {
		var err error
		if path := bundlePath(dir, sequence); rng.IntN(2) == 0 {
			err = os.Remove(path)
		} else if len(content) > 0 {
			err = os.Truncate(path, rng.Int64N(int64(len(content))))
		}
		if err != nil {
			t.Error(err)
		}
		lost++
	})
	t.Logf("%d of %d files were lost", lost, len(want)) // those that were settled already cannot be
	o := start(t, dir)
	for key, body := range want {
		if got := o.object(t, key); got != body {
			t.Errorf("%s has %d bytes, %d were published", key, len(got), len(body))
		}
	}
	o.stop()
	logged(t, dir, func(_ *entryLog, sequence uint64, _ []byte) {
		t.Errorf("the bundle of entry %d is in the log still", sequence)
	})
}

// Which bundles go into the log, that it forgets them, and that what is retired stays away.
func TestJournal(t *testing.T) {
	dir := initOrigin(t)
	o := start(t, dir)
	large := strings.Repeat("l", 1<<20)
	o.publish(t, files{"small": "s", "smaller": ""}, api.PublishOptions{}) // 1
	o.publish(t, files{"large": large, "tiny": "t"}, api.PublishOptions{}) // 2, 3
	o.publish(t, files{"long": large[:1<<19+1]}, api.PublishOptions{})
	o.publish(t, files{"last": "5"}, api.PublishOptions{})
	inLog := func() (list []uint64) {
		try(t, o.entries.bundles(func(sequence uint64, _ []byte) (bool, error) {
			list = append(list, sequence)
			return true, nil
		}))
		return list
	}
	for _, sequence := range inLog() { // the house may have settled some already
		if sequence != 1 && sequence != 5 {
			t.Errorf("bundle %d is in the log", sequence)
		}
	}
	if err := o.settle(); err != nil {
		t.Fatal(err)
	}
	if list := inLog(); len(list) > 0 {
		t.Errorf("%v are in the log after settle", list)
	}
	o.stop()
	found := map[uint64]bool{}
	logged(t, dir, func(_ *entryLog, sequence uint64, _ []byte) { found[sequence] = true })
	if len(found) > 0 {
		t.Errorf("the log has %v", slices.Collect(maps.Keys(found)))
	}
	// As if a crash had undone the forgetting: of one that is there, and of one that never was
	// or is no more.
	l, err := openLog(filepath.Join(dir, logName), nil)
	if err != nil {
		t.Fatal(err)
	}
	content := mustRead(t, bundlePath(dir, 1))
	for _, sequence := range []uint64{1, 99} {
		if err := l.db.Set(numberKey(keyBundle, sequence), content, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	o = start(t, dir)
	if got := o.object(t, "/small"); got != "s" {
		t.Errorf("small is %q", got)
	}
	wantFiles(t, dir, "1.bundle", "2.bundle", "3.bundle", "4.bundle", "5.bundle")
}
