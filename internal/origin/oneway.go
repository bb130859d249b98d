package origin

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"fanfare/fec"
	"fanfare/internal/api"
	"fanfare/internal/carousel"
	"fanfare/internal/mono"
	"fanfare/internal/session"
	"fanfare/internal/wire"
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
	// entryCopies is how often the sender sends an entry of one symbol. entrySpare and bundleSpare are
	// how many repair symbols a longer one and the blocks of bundles get beyond the share: in small
	// blocks one more or less decides, in others they cost a hundredth.
	entryCopies = 3
	entrySpare  = 4
	bundleSpare = 2
	// symbolOverhead is about what a packet has beside its symbol, in bytes.
	symbolOverhead = 64
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
	c := carousel.Config{Rate: uint64(o.session.Rate), Pause: o.config.CarouselPause}
	return &oneWay{carousel: carousel.New(c, o.head.Sequence, now), proactive: float64(o.config.Proactive)}
}

// unasked returns how many repair symbols follow each block of an object.
func (w *oneWay) unasked(toi uint32, oti fec.OTI) int {
	partition, err := oti.Partition()
	if err != nil {
		return sender.NoProactive // Add says what is wrong
	}
	k := partition.SourceSymbols(0)
	n := int(math.Ceil(w.proactive * float64(k)))
	switch {
	case wire.IsControl(toi):
		n += entrySpare
	case w.proactive > 0:
		n += bundleSpare
	}
	if n = min(n, int(oti.MaxSymbols)-k); n > 0 {
		return n
	}
	return sender.NoProactive
}

// complete sets how much repair goes with an object for which no one has said so.
func (w *oneWay) complete(info *sender.ObjectInfo) {
	if w != nil && info.Proactive == 0 {
		info.Proactive = w.unasked(info.TOI, info.OTI)
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
	info := sender.ObjectInfo{TOI: wire.ControlTOI(sequence), OTI: controlOTI(len(entry), l.heartbeat)}
	if !l.add(now, outgoing{info: info, sequence: sequence, entry: entry}) {
		return 0
	}
	symbols := entryCopies
	if info.OTI.MaxBlock > 1 {
		symbols = int(info.OTI.MaxBlock) + max(l.oneWay.unasked(info.TOI, info.OTI), 0)
	}
	return uint64(symbols) * uint64(info.OTI.SymbolLength+symbolOverhead)
}

// repeatBundle sends the bundle of an entry again, if it has one that is kept and not on its way
// already, and returns its TOI and about how many bytes that takes.
func (l *loop) repeatBundle(now mono.Time, step carousel.Step) (toi uint32, bytes uint64) {
	oti, kept := l.spool.get(step.Sequence)
	partition, err := oti.Partition()
	if !kept || err != nil || partition.Blocks() == 0 || l.bundles.holds(step.Sequence) {
		return 0, 0
	}
	info := sender.ObjectInfo{TOI: wire.DataTOI(step.Sequence), OTI: oti, Priority: sender.Background}
	l.oneWay.complete(&info)
	k, extra := partition.SourceSymbols(0), max(info.Proactive, 0)
	info.Start = int(step.Cycle % uint64(oti.MaxSymbols) * uint64(k+extra) % uint64(oti.MaxSymbols))
	if !l.add(now, outgoing{info: info, sequence: step.Sequence}) {
		return 0, 0
	}
	symbols := float64(oti.TransferLength) / float64(oti.SymbolLength) * (1 + float64(extra)/float64(k))
	return info.TOI, uint64(symbols * float64(oti.SymbolLength+symbolOverhead))
}

// oneWayBlock returns how many source symbols a block has: as many as leave room for the share of
// repair symbols, and for some fresh ones in the next cycle.
func oneWayBlock(proactive session.Share) uint16 {
	for _, k := range []float64{200, 160, 128} {
		if k*(1+float64(proactive)) <= 0.95*fec.MaxSymbols {
			return uint16(k)
		}
	}
	return 96
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

// awaited refuses a request whose sender will wait for edges that cannot answer.
func (o *Origin) awaited(f func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := o.errNoReceipts(); err != nil && r.URL.Query().Has("wait") {
			body := newBody(w, r)
			o.answerError(w, r, err)
			body.drain()
			return nil
		}
		return f(w, r)
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
		PauseSeconds: o.config.CarouselPause.Seconds(), Proactive: float64(o.config.Proactive),
	}
	if c.Bytes == 0 { // no whole cycle yet
		c.Bytes = max(uint64(float64(o.spool.size())*(1+c.Proactive)), c.BytesSent)
		c.Seconds = float64(c.Bytes) * 8 / float64(o.session.Rate)
	}
	return c
}

// validateOneWay checks what origin.yaml says of one-way.
func (c *config) validateOneWay() error {
	if c.CarouselPause < 0 {
		return errors.New("carousel_pause is negative")
	}
	return nil
}

// oneWayText is the part of origin.yaml that only a one-way origin has.
func (c *config) oneWayText() string {
	if !c.oneWay {
		return ""
	}
	return fmt.Sprintf(`
# Edges cannot ask for what they lose, so this many repair symbols follow unasked, as a share of the
# data: about twice the loss that most edges have.
proactive: %s
# Everything is sent again and again. How long the origin rests between two cycles.
carousel_pause: %s
`, c.Proactive, c.CarouselPause)
}
