package origin

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/wire"
)

// heard returns how many symbols of a bundle have come.
func (f *fakeEdge) heard(sequence uint64) (n int) {
	for name := range f.symbols {
		if name[0] == wire.DataTOI(sequence) {
			n++
		}
	}
	return n
}

// retired reports whether an entry has come that retires a bundle.
func (f *fakeEdge) retired(sequence uint64) bool {
	for _, e := range f.entries {
		if slices.Contains(e.Retire, sequence) {
			return true
		}
	}
	return false
}

// slowOrigin runs an origin at a rate at which 4 MB take half a minute, with an edge.
func slowOrigin(t *testing.T) (*running, *fakeEdge) {
	t.Helper()
	dir := initOrigin(t)
	setRate(t, dir, "1mbit")
	edge := newFakeEdge(t, dir)
	o := start(t, dir)
	edge.until("a heartbeat", func() bool { return edge.beats > 0 })
	edge.report(0, wire.Report{})
	return o, edge
}

// quiet hears some heartbeats and fails the test if a symbol of some bundles comes meanwhile.
func (f *fakeEdge) quiet(sequences ...uint64) {
	f.t.Helper()
	before, beats := make([]int, len(sequences)), f.beats
	for i, sequence := range sequences {
		before[i] = f.heard(sequence)
	}
	f.until("heartbeats", func() bool { return f.beats > beats+3 })
	for i, sequence := range sequences {
		if n := f.heard(sequence) - before[i]; n != 0 {
			f.t.Errorf("%d more symbols of bundle %d came", n, sequence)
		}
	}
}

func TestSupersedeStopsTransmission(t *testing.T) {
	o, edge := slowOrigin(t)
	old := o.publish(t, files{"a": strings.Repeat("1", 4<<20)}, api.PublishOptions{}).First
	edge.until("some of the first version", func() bool { return edge.heard(old) > 20 })
	next := o.publish(t, files{"a": "2"}, api.PublishOptions{}).First
	edge.until("the new version", func() bool { _, ok := edge.bundle(next); return ok })
	edge.until("the retirement of the old one", func() bool { return edge.retired(old) })
	edge.quiet(old)
	// What an edge asks of it, that has not heard of it, is not answered.
	edge.send(&wire.Feedback{NACKs: []wire.NACK{{TOI: wire.DataTOI(old), SBN: 0, Count: 1, Symbols: 5}}})
	edge.quiet(old)
	wantFiles(t, o.dir, bundleName(next))
}

func TestPurgeStopsTransmission(t *testing.T) {
	o, edge := slowOrigin(t)
	for i := range 5 {
		o.publish(t, files{fmt.Sprint(i): strings.Repeat("x", 2<<20)}, api.PublishOptions{})
	}
	edge.until("some of the first", func() bool { return edge.heard(1) > 20 })
	if _, err := o.client.Purge(t.Context(), api.PurgeRequest{All: true}); err != nil {
		t.Fatal(err)
	}
	for sequence := uint64(1); sequence <= 5; sequence++ {
		edge.until("a retirement", func() bool { return edge.retired(sequence) })
	}
	edge.quiet(1, 2, 3, 4, 5)
	status, err := o.client.Status(t.Context())
	if err != nil || status.Sender.Sending != 0 {
		t.Errorf("status %+v, %v", status, err)
	}
	wantFiles(t, o.dir) // none
}

// A bundle that was sent, but that an edge lacks, is retired soon: if the edge lacks the manifest,
// no entry behind it can be closed there until then.
func TestPurgeOfWhatAnEdgeLacks(t *testing.T) {
	o, edge := slowOrigin(t)
	o.publish(t, files{"a": "1"}, api.PublishOptions{})
	edge.until("the bundle", func() bool { _, ok := edge.bundle(1); return ok })
	o.publish(t, files{"b": "2"}, api.PublishOptions{})
	edge.until("the bundle", func() bool { _, ok := edge.bundle(2); return ok })
	edge.report(1, wire.Report{})
	o.untilEdge(t, func(e api.Edge) bool { return e.Complete == 1 })
	if _, err := o.client.Purge(t.Context(), api.PurgeRequest{All: true}); err != nil {
		t.Fatal(err)
	}
	edge.until("the retirement", func() bool { return edge.retired(2) })
	if edge.retired(1) {
		t.Error("what every edge has is retired at once")
	}
}

func TestPartlySupersededGoesOn(t *testing.T) {
	o, edge := slowOrigin(t)
	o.publish(t, files{"a": strings.Repeat("1", 50_000), "b": strings.Repeat("1", 50_000)}, api.PublishOptions{})
	o.publish(t, files{"a": "2"}, api.PublishOptions{})
	edge.until("the bundle", func() bool { _, ok := edge.bundle(1); return ok })
	if edge.retired(1) {
		t.Error("a bundle with a live object is retired")
	}
}

// An origin that ends looks at nothing that the loop may still be writing.
func TestHastenAtTheEnd(t *testing.T) {
	o, err := Open(Config{Dir: initOrigin(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	ended, end := context.WithCancel(t.Context())
	end()
	now := time.Now()
	o.released[1] = release{fresh: true, since: now.Add(-time.Hour), due: now.Add(time.Hour)}
	o.hasten(ended, now)
	if r := o.released[1]; !r.fresh || r.urgent {
		t.Errorf("%+v", r)
	}
}

// Between two rounds of all that is due only what is urgent is retired: to find out what may be costs
// reading the log, which purges that come all the time should not each wait for.
func TestUrgentRetired(t *testing.T) {
	long := time.Now().Add(-time.Hour)
	o := &Origin{released: map[uint64]release{
		1: {since: long, due: long},
		2: {since: long, due: long, urgent: true},
		3: {since: long, due: time.Now().Add(time.Hour)},
	}}
	if got := o.retirable(time.Now(), false); !slices.Equal(got, []uint64{2}) {
		t.Errorf("urgent: %v", got)
	}
	if got := o.retirable(time.Now(), true); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("all: %v", got)
	}
}
