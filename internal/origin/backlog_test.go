package origin

import (
	"strings"
	"testing"

	"fanfare/internal/api"
	"fanfare/internal/wire"
	"fanfare/sender"
)

func bundleOf(sequence uint64, p sender.Priority) outgoing {
	return outgoing{sequence: sequence, info: sender.ObjectInfo{TOI: wire.DataTOI(sequence), Priority: p}}
}

func TestUrgentBundlesDoNotQueue(t *testing.T) {
	b := newBacklog()
	const many = passingBundles + 100
	for s := range uint64(many) {
		b.push(bundleOf(s+1, sender.Normal))
	}
	for o, ok := b.next(); ok; o, ok = b.next() {
		b.enter(o)
	}
	if first, last := b.span(); first != wire.DataTOI(passingBundles+1) || last != wire.DataTOI(many) || b.length() != many {
		t.Errorf("%d to %d wait, %d in all", first, last, b.length())
	}
	if b.waits(passingBundles) || !b.waits(passingBundles+1) {
		t.Error("which bundles wait is not known")
	}
	b.push(bundleOf(many+1, sender.Background))
	b.push(bundleOf(many+2, sender.Urgent))
	for _, want := range []uint64{many + 2, many + 1} {
		o, ok := b.next()
		if !ok || o.sequence != want {
			t.Fatalf("next is %d, want %d", o.sequence, want)
		}
		b.enter(o)
	}
	if o, ok := b.next(); ok {
		t.Fatalf("%d should wait", o.sequence)
	}
	b.passed(wire.DataTOI(5))
	b.passed(wire.DataTOI(5))
	b.cancel(6)
	b.cancel(passingBundles + 1)
	for _, want := range []uint64{passingBundles + 2, passingBundles + 3} {
		o, _ := b.next()
		if o.sequence != want {
			t.Fatalf("next is %d, want %d", o.sequence, want)
		}
		b.enter(o)
		b.refused(o)
		b.enter(o)
	}
	if o, ok := b.next(); ok {
		t.Fatalf("%d should wait", o.sequence)
	}
}

// TestUrgentPublication has an urgent publication overtake a large one, at a rate at which that
// one takes longer than any test waits.
func TestUrgentPublication(t *testing.T) {
	dir := initOrigin(t)
	setRate(t, dir, "500kbit")
	edge := newFakeEdge(t, dir)
	o := start(t, dir)
	edge.until("a heartbeat", func() bool { return edge.beats > 0 })
	o.publish(t, files{"background": strings.Repeat("b", 4<<20)}, api.PublishOptions{Priority: "background"})
	o.publish(t, files{"normal": strings.Repeat("n", 4<<20)}, api.PublishOptions{})
	edge.until("part of a normal object", func() bool {
		return len(edge.symbols) > 10 && edge.beat.Started >= wire.DataTOI(2)
	})
	o.publish(t, files{"urgent": strings.Repeat("u", 10_000)}, api.PublishOptions{Priority: "urgent"})
	edge.until("the urgent object", func() bool { _, ok := edge.bundle(3); return ok })
	for sequence := range uint64(2) {
		if _, ok := edge.bundle(sequence + 1); ok {
			t.Errorf("bundle %d was sent already", sequence+1)
		}
	}
	if _, err := o.client.Publish(t.Context(), api.PublishOptions{Priority: "high"}, tarOf(files{"a": ""})); err == nil ||
		!strings.Contains(err.Error(), "urgent, normal or background") {
		t.Errorf("priority high: %v", err)
	}
}
