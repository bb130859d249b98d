package origin

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"fanfare/control"
	"fanfare/internal/origin/spool"
)

// Long lists become entries that fit their limit, in order and without loss.
func TestSplitDrafts(t *testing.T) {
	_, key := testKey(t)
	var keys []control.Key
	for i := range 500 {
		keys = append(keys, control.Key{Path: fmt.Sprintf("/%03d%s", i, strings.Repeat("x", i*7%600))})
	}
	keys = append(keys, control.Key{Host: strings.Repeat("h.", 120) + "h", Path: "/" + strings.Repeat("y", control.MaxPath-1)})
	var got []control.Key
	for i, d := range removeDrafts(keys) {
		d.entry.Channel, d.entry.Sequence = 1, uint64(i)+1
		raw, err := control.Sign(&d.entry, key)
		if err != nil {
			t.Fatalf("entry %d with %d keys: %v", i, len(d.entry.Remove), err)
		}
		if len(raw) > 1344 && len(d.entry.Remove) > 1 {
			t.Errorf("entry %d with %d keys has %d bytes", i, len(d.entry.Remove), len(raw))
		}
		got = append(got, d.entry.Remove...)
	}
	if fmt.Sprint(got) != fmt.Sprint(keys) {
		t.Error("the keys are not those given")
	}
	selectors := 0
	for i, d := range selectorDrafts(selectorsOf(keys)) {
		d.entry.Channel, d.entry.Sequence = 1, uint64(i)+1
		if _, err := control.Sign(&d.entry, key); err != nil {
			t.Fatalf("purge %d: %v", i, err)
		}
		selectors += len(d.entry.Purge)
	}
	if selectors != len(keys) {
		t.Errorf("%d selectors", selectors)
	}
	if removeDrafts(nil) != nil {
		t.Error("entries of nothing")
	}
}

func TestPurgedCovers(t *testing.T) {
	p := &purged{keys: make(map[control.Key]uint64), paths: make(map[string]uint64)}
	key := func(host, path string) control.Key { return control.Key{Host: host, Path: path} }
	p.add(control.Selector{Kind: control.SelectKey, Key: key("", "/a")}, 5)
	p.add(control.Selector{Kind: control.SelectKey, Key: key("h", "/b")}, 6)
	p.add(control.Selector{Kind: control.SelectPrefix, Key: key("h", "/p/")}, 7)
	p.add(control.Selector{Kind: control.SelectTag, Tag: "t"}, 8)
	tests := []struct {
		key      control.Key
		sequence uint64
		want     bool
	}{
		{key("", "/a"), 4, true}, {key("", "/a"), 5, false}, {key("x", "/a"), 4, true},
		{key("h", "/b"), 5, true}, {key("x", "/b"), 5, false}, {key("", "/b"), 5, true},
		{key("h", "/p/q"), 6, true}, {key("", "/p/q"), 6, true}, {key("x", "/p/q"), 6, false}, {key("h", "/p/q"), 7, false},
		{key("h", "/c"), 1, false},
	}
	for _, test := range tests {
		if got := p.covers(test.key, test.sequence); got != test.want {
			t.Errorf("covers(%v, %d) = %v", test.key, test.sequence, got)
		}
	}
	p.add(control.Selector{Kind: control.SelectAll}, 9)
	if !p.covers(key("h", "/c"), 8) || p.covers(key("h", "/c"), 9) {
		t.Error("a purge of all")
	}
}

// After a sync that failed nobody knows what is on the disk, so nothing is acknowledged any more.
func TestNothingIsAppendedAfterAFailure(t *testing.T) {
	o, err := Open(Config{Dir: initOrigin(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	o.fail(spool.ErrSync)
	drafts := removeDrafts([]control.Key{{Path: "/a"}})
	if _, err := o.append(drafts); !errors.Is(err, errStopped) {
		t.Errorf("append after a failure: %v", err)
	}
	if o.head.Sequence != 0 {
		t.Errorf("head %d", o.head.Sequence)
	}
}
