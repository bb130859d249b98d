package origin

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"fanfare/internal/api"
	"fanfare/internal/carousel"
	"fanfare/internal/mono"
	"fanfare/internal/session"
	"fanfare/sender"
)

const (
	// DefaultProactive is the share of repair symbols of a one-way origin that was not told
	// another.
	DefaultProactive session.Share = 0.10
	// defaultCarouselPause keeps a small carousel from turning many times a second.
	defaultCarouselPause = time.Second
	// stepsPerTurn is how many objects are taken from the carousel before something is sent.
	stepsPerTurn = 64
)

// oneWay is what the loop of a one-way origin has beside that of others. It belongs to the loop.
type oneWay struct {
	carousel *carousel.Carousel
	// proactive is how many repair symbols go with each source symbol.
	proactive float64
	// broken says that an entry could not be read, and that the log tells.
	broken bool
}

// newOneWay returns nil for an origin to which edges answer.
func newOneWay(o *Origin, now mono.Time) *oneWay {
	if !o.session.OneWay() {
		return nil
	}
	c := carousel.Config{Rate: uint64(o.session.Rate), Pause: o.config.carouselPause()}
	w := &oneWay{carousel: carousel.New(c, 0, now), proactive: o.config.proactive()}
	// Nobody knows which of the newest entries a cycle had carried before this start: a purge among
	// them must not wait for one.
	w.published(now, o.head.Sequence)
	return w
}

// complete sets how much repair goes with an object for which no one has said so.
func (w *oneWay) complete(info *sender.ObjectInfo) {
	if w != nil && info.Proactive == 0 {
		info.Proactive = carousel.Unasked(w.proactive, info.TOI, info.OTI)
	}
}

// ended says that the sender is done with an object.
func (w *oneWay) ended(now mono.Time, toi uint32) {
	if w != nil {
		w.carousel.Ended(now, toi)
	}
}

// published says up to where the log has been handed to the sender.
func (w *oneWay) published(now mono.Time, head uint64) {
	if w != nil {
		w.carousel.Published(now, head)
	}
}

// timeout returns when feedCarousel has something to do.
func (w *oneWay) timeout() mono.Time {
	if w == nil {
		return mono.Never
	}
	return w.carousel.NextTimeout()
}

// feedCarousel hands the engine what is to be sent again. What was just published goes first.
func (l *loop) feedCarousel(now mono.Time) {
	if l.oneWay == nil || len(l.control) > 0 {
		return
	}
	busy := l.bundles.length() > 0
	for range stepsPerTurn {
		step, ok := l.oneWay.carousel.Next(now, busy)
		if !ok {
			return
		}
		entry := l.repeatEntry(now, step.Sequence)
		var toi uint32
		var bundle uint64
		if step.Bundle {
			toi, bundle = l.repeatBundle(now, step)
		}
		l.oneWay.carousel.Sent(now, step, entry, toi, bundle, busy)
	}
}

// repeatEntry sends an entry again, and returns about how many bytes that takes.
func (l *loop) repeatEntry(now mono.Time, sequence uint64) (bytes uint64) {
	entry, err := l.entries.entry(sequence)
	if err != nil {
		if !l.oneWay.broken {
			l.log.Error("an entry cannot be read, and is not sent again", "sequence", sequence, "error", err)
		}
		l.oneWay.broken = true
		return 0
	}
	info, bytes := carousel.Entry(l.oneWay.proactive, sequence, controlOTI(len(entry), l.heartbeat))
	if !l.add(now, outgoing{info: info, sequence: sequence, entry: entry}) {
		return 0
	}
	return bytes
}

// repeatBundle sends the bundle of an entry again, if it has one that is kept and not on its way
// already, and returns its TOI and about how many bytes that takes.
func (l *loop) repeatBundle(now mono.Time, step carousel.Step) (toi uint32, bytes uint64) {
	oti, kept := l.spool.OTI(step.Sequence)
	if !kept || l.bundles.holds(step.Sequence) {
		return 0, 0
	}
	info, bytes, ok := carousel.Bundle(l.oneWay.proactive, step, oti)
	if !ok || !l.add(now, outgoing{info: info, sequence: step.Sequence}) {
		return 0, 0
	}
	return info.TOI, bytes
}

// errNoReceipts is the answer to who waits for edges that cannot tell.
func (o *Origin) errNoReceipts() error {
	if !o.session.OneWay() {
		return nil
	}
	return &api.Error{
		Status:  http.StatusConflict,
		Message: "this origin sends one way (mode: one-way in session.ff), so no edge can tell what it serves",
		Hint:    "leave out --wait; `fanfare status` shows how long a cycle of the carousel takes, and /readyz of an edge how far that edge is",
	}
}

// carouselStatus returns what status tells of the carousel, nil if there is none.
func (o *Origin) carouselStatus(s snapshot) *api.Carousel {
	if !o.session.OneWay() {
		return nil
	}
	c := &api.Carousel{
		Cycle: s.carousel.Cycle, Sequence: s.carousel.Sequence, BytesSent: s.carousel.Bytes,
		Bytes: s.carousel.LastBytes, Seconds: s.carousel.Length.Seconds(), Repeats: s.carousel.Repeats,
		PauseSeconds: o.config.carouselPause().Seconds(), Proactive: o.config.proactive(),
	}
	// The cycle under way may have more than the last, or there is none yet.
	c.Bytes = max(c.Bytes, uint64(float64(o.spool.Size())*(1+c.Proactive)), c.BytesSent)
	c.Seconds = max(c.Seconds, float64(c.Bytes)*8/float64(o.session.Rate))
	return c
}

// validateOneWay checks what origin.yaml says of one-way.
func (c *config) validateOneWay() error {
	if c.carouselPause() < 0 {
		return errors.New("carousel_pause is negative")
	}
	return nil
}

// proactive returns the share of repair symbols of a one-way origin.
func (c *config) proactive() float64 {
	if c.Proactive == nil {
		return float64(DefaultProactive)
	}
	return float64(*c.Proactive)
}

// carouselPause returns how long a one-way origin rests between two cycles.
func (c *config) carouselPause() time.Duration {
	if c.CarouselPause == nil {
		return defaultCarouselPause
	}
	return *c.CarouselPause
}

// oneWayText is the part of origin.yaml that only a one-way origin has.
func (c *config) oneWayText() string {
	if c.Proactive == nil {
		return ""
	}
	return fmt.Sprintf(`
# Edges cannot ask for what they lose, so this many repair symbols follow unasked, as a share of the
# data: about twice the loss that most edges have.
proactive: %s
# Everything is sent again and again. How long the origin rests between two cycles.
carousel_pause: %s
`, c.Proactive, c.carouselPause())
}
