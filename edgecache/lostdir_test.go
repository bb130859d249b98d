package edgecache

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// The whole directory of the bundle files is removed while the edge runs: what is asked for comes again, and
// what is published goes on coming.
func TestDirectoryRemoved(t *testing.T) {
	o, e, m, text, log := lossy(t, 4000, system{})
	four := o.publish(file("/4", "four"))
	e.apply(four)
	e.receive(four) // is committed into nothing
	if err := os.RemoveAll(e.disk.dir); err != nil {
		t.Fatal(err)
	}
	if err := e.Commit(e.Ready()...)[0]; !errors.Is(err, ErrFailed) || !errors.Is(err, errVanished) {
		t.Errorf("committed: %v", err)
	}
	e.want(at("/2"), 503, "")
	if err := e.bringRest(m[1]); err != nil {
		t.Fatal(err)
	}
	e.want(at("/2"), 200, text[1])
	e.deliver(o.publish(file("/5", "five")))
	e.want(at("/5"), 200, "five")
	e.clock(time.Now().Add(DefaultRetryAfter))
	e.receive(four)
	e.commit(four)
	e.want(at("/4"), 200, "four")
	if strings.Contains(log.String(), "retry=false") {
		t.Error(log)
	}
}

// A file that is cut short while it is received is only begun anew, even where it is read back meanwhile.
func TestCutShortWhileReceived(t *testing.T) {
	o := newOrigin(t)
	e := openEdge(t, o, o.config(t.TempDir()))
	now := time.Unix(1_800_000_000, 0)
	e.clock(now)
	text := string(random(1, 5000))
	m := o.publish(file("/1", text))
	if m.entry.Publish.ManifestLength == 0 {
		t.Fatal("nothing has to be read back")
	}
	e.apply(m)
	e.receive(m, m.part.Blocks()-1) // whose digest is in the manifest
	if err := os.Truncate(e.disk.path(1), 10); err != nil {
		t.Fatal(err)
	}
	for sbn := range m.part.Blocks() - 1 {
		for esi := range m.part.SourceSymbols(sbn) {
			_ = e.Symbol(1, sbn, esi, m.symbol(t, sbn, esi)) // from some block on it is not on its way any more
		}
		_ = e.FinishBlock(1, sbn)
	}
	if s := e.State(); len(s.Failed) != 1 || !strings.Contains(s.Failed[0].Reason, errVanished.Error()) || strings.Contains(s.Failed[0].Reason, io.EOF.Error()) {
		t.Fatalf("%+v", s)
	}
	e.clock(now.Add(DefaultRetryAfter))
	e.receive(m)
	e.commit(m)
	e.want(at("/1"), 200, text)
}
