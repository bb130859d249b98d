package edge

import (
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
	"fanfare/receiver"
)

// An edge of a one-way session has no path to its origin: no fetcher, no feedback, no socket but
// the group's. Entries and symbols that it lost come again when the origin repeats them.

const (
	// maxUnexpectedOneWay is how many objects may begin by their packets. One batch of datagrams may
	// hold many entries, and what is refused comes a cycle later.
	maxUnexpectedOneWay = 256
	// unannouncedKeepOneWay is unannouncedKeep where an entry may come a cycle later.
	unannouncedKeepOneWay = time.Hour
)

// engineConfig returns what the engine is made with.
func (e *Edge) engineConfig() receiver.Config {
	c := receiver.Config{TSI: e.session.Channel, Edge: e.id.edge, Counter: e.id.counter, Unicast: !e.session.OneWay()}
	if e.session.OneWay() {
		c.OneWay, c.MaxUnexpected = true, maxUnexpectedOneWay
	}
	return c
}

// oneWay reports whether there is no path to the origin.
func (l *loop) oneWay() bool { return l.fetcher == nil }

// unannouncedKeep returns how long a bundle that is whole may wait for its entry.
func (l *loop) unannouncedKeep() time.Duration {
	if l.oneWay() {
		return unannouncedKeepOneWay
	}
	return unannouncedKeep
}

// adopt has the engine expect a bundle that was begun by its packets though its entry is here: more
// bundles were missing than are expected at a time. Those that the carousel has come to are the
// ones to collect.
func (l *loop) adopt(now mono.Time, b *bundle) {
	if !l.oneWay() || !l.known(b.sequence) {
		return
	}
	b.announced = true
	if l.expect(now, wire.DataTOI(b.sequence)) != nil {
		b.announced = false // no room: it goes on as it began
	}
}
