package edgecache

import (
	"errors"
	"strings"
	"testing"

	"fanfare/control"
)

func TestPublishIsServed(t *testing.T) {
	for _, inline := range []int{0, 4000} {
		o := newOrigin(t)
		o.inline = inline
		e := openEdge(t, o, o.config(t.TempDir()))
		big := string(random(1, 9000))
		m := o.publish(file("/big", big), file("/small.txt", "hello"), file("/empty", ""))

		e.want(at("/big"), 404, "")
		e.apply(m)
		if inline > 0 {
			e.want(at("/big"), 503, "")
		}
		if w := e.Wanted(5); len(w) != 1 || w[0].Sequence != 1 || w[0].OTI != m.part.OTI() {
			t.Fatalf("wanted: %v", w)
		}
		e.receive(m)
		e.want(at("/big"), 503, "")
		e.commit(m)
		e.want(at("/big"), 200, big)
		e.want(at("/small.txt"), 200, "hello")
		e.want(at("/empty"), 200, "")
		e.want(at("/none"), 404, "")

		s := e.State()
		if s.Mark != 1 || s.Complete != 1 || len(s.Done)+len(s.Failed)+len(s.Progress) != 0 {
			t.Errorf("state: %+v", s)
		}
		e.reopen()
		e.want(at("/big"), 200, big)
		e.want(at("/empty"), 200, "")
		if again := e.State(); again.Mark != s.Mark || again.Digest != s.Digest || again.Complete != 1 {
			t.Errorf("state after reopening: %+v, was %+v", again, s)
		}
		if err := e.Begin(1, m.part.OTI()); !errors.Is(err, ErrNotWanted) {
			t.Errorf("begin of a complete bundle: %v", err)
		}
	}
}

func TestOnlyEmptyObjects(t *testing.T) {
	o := newOrigin(t)
	o.inline = 4000
	e := openEdge(t, o, o.config(t.TempDir()))
	m := o.publish(file("/a", ""), file("/b", ""))
	e.apply(m)
	e.reopen() // as if killed before the commit
	e.commit()
	e.want(at("/a"), 200, "")
	e.reopen()
	e.want(at("/b"), 200, "")
	if s := e.State(); s.Complete != 1 {
		t.Errorf("state: %+v", s)
	}
}

func TestNewVersionAnnouncedDoesNotEmptyTheCache(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	first, second := o.publish(file("/a", "one")), o.publish(file("/a", "two"))
	e.deliver(first)
	e.apply(second)
	e.want(at("/a"), 200, "one")
	e.receive(second)
	e.want(at("/a"), 200, "one")
	e.commit(second)
	e.want(at("/a"), 200, "two")
	if err := e.Sync(); err != nil {
		t.Fatal(err)
	}
	e.wantFiles("2")
	e.reopen()
	e.want(at("/a"), 200, "two")
}

func TestPurge(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	first := o.publish(file("/a", "one"), file("/b", "two"))
	e.deliver(first)
	e.apply(o.purge(purgeKey("/a")))
	e.want(at("/a"), 404, "")
	e.want(at("/b"), 200, "two")
	e.wantFiles("1")
	e.apply(o.purge(control.Selector{Kind: control.SelectPrefix, Key: control.Key{Path: "/"}}))
	e.want(at("/b"), 404, "")
	e.wantFiles("1") // it goes when the purge is durable
	if err := e.Sync(); err != nil {
		t.Fatal(err)
	}
	e.wantFiles()
	e.apply(first)
	if err := e.Begin(1, first.part.OTI()); !errors.Is(err, ErrNotWanted) {
		t.Errorf("begin of a purged bundle: %v", err)
	}
	e.reopen()
	e.want(at("/a"), 404, "")
	e.want(at("/b"), 404, "")
	if s := e.State(); s.Complete != 3 || e.Stats().Bytes != 0 {
		t.Errorf("state: %+v, %d bytes", s, e.Stats().Bytes)
	}
}

func TestPurgeAboveAGap(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	gap, pub := o.purge(purgeKey("/x")), o.publish(file("/a", "one"))
	kill := o.purge(purgeAll())
	e.deliver(pub)
	e.want(at("/a"), 200, "one")
	if s := e.State(); s.Mark != 0 || s.Complete != 0 || len(s.Done) != 1 || s.Done[0] != (SequenceRange{2, 2}) {
		t.Errorf("state: %+v", s)
	}
	e.apply(kill)
	e.want(at("/a"), 404, "")
	e.reopen()
	e.want(at("/a"), 404, "")
	e.apply(gap)
	if s := e.State(); s.Mark != 3 || s.Complete != 3 {
		t.Errorf("state: %+v", s)
	}
	e.wantFiles()
}

func TestReleasedWhileOnItsWay(t *testing.T) {
	for _, committing := range []bool{false, true} {
		o := newOrigin(t)
		o.inline = 4000
		e := openEdge(t, o, o.config(t.TempDir()))
		m := o.publish(file("/a", strings.Repeat("x", 2000)))
		e.apply(m)
		if committing {
			e.receive(m)
		} else {
			e.receive(m, 0)
		}
		e.apply(o.purge(purgeAll()))
		for _, sequence := range e.Ready() {
			if err := e.Commit(sequence)[0]; !errors.Is(err, ErrUnknown) {
				t.Errorf("commit: %v", err)
			}
		}
		if err := e.Symbol(1, 1, 0, make([]byte, 64)); !committing && err != nil {
			t.Errorf("symbol of a bundle that the loop has not looked at since: %v", err)
		}
		if s := e.State(); s.Complete != 2 || len(s.Progress) != 0 {
			t.Errorf("state: %+v", s)
		}
		e.want(at("/a"), 404, "")
		e.wantFiles()
	}
}

func TestOtherGenerationIsRefused(t *testing.T) {
	o := newOrigin(t)
	dir := t.TempDir()
	e := openEdge(t, o, o.config(dir))
	e.close()
	cfg := o.config(dir)
	cfg.Generation.Order++
	if _, err := Open(cfg); !errors.Is(err, ErrGeneration) || strings.Contains(err.Error(), "\n") {
		t.Errorf("open: %v", err)
	}
	cfg = o.config(dir)
	cfg.Channel++
	if _, err := Open(cfg); !errors.Is(err, ErrGeneration) {
		t.Errorf("open: %v", err)
	}
}

func TestOtherFormatIsRefused(t *testing.T) {
	o := newOrigin(t)
	cfg := o.config(t.TempDir())
	e := openEdge(t, o, cfg)
	identity, err := e.index.get([]byte{tagIdentity})
	if err != nil {
		t.Fatal(err)
	}
	identity[0]--
	b := e.index.newBatch()
	b.set([]byte{tagIdentity}, identity)
	if err := b.apply(); err != nil {
		t.Fatal(err)
	}
	e.close()
	if _, err := Open(cfg); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "empty "+cfg.Dir) {
		t.Errorf("open: %v", err)
	}
}

func TestBrokenChainIsForgotten(t *testing.T) {
	o := newOrigin(t)
	o.inline = 4000
	e := openEdge(t, o, o.config(t.TempDir()))
	e.deliver(o.publish(file("/a", "one")))
	gap, previous := o.purge(purgeKey("/x")), o.previous
	o.previous[0] ^= 1
	bad := o.publish(file("/a", "bad"))
	o.sequence, o.previous = o.sequence-1, previous
	good := o.publish(file("/a", "good"))
	e.apply(bad, gap)
	e.want(at("/a"), 200, "one")
	if missing := e.Missing(3, 5); len(missing) != 1 || missing[0] != 3 {
		t.Fatalf("missing: %v", missing)
	}
	e.deliver(good)
	e.want(at("/a"), 200, "good")
	e.reopen()
	e.want(at("/a"), 200, "good")
}
