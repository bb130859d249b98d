package carousel

import (
	"time"

	"fanfare/internal/mono"
)

// Config is what a Carousel is made with.
type Config struct {
	// Rate is that of the session, in bits per second; required.
	Rate uint64
	// Pause is between the end of a cycle and the beginning of the next.
	Pause time.Duration
	// MaxRepeats limits the entries that are repeated outside of cycles; default 1,024, the
	// newest.
	MaxRepeats int
}

const (
	defaultMaxRepeats = 1024
	// maxSending is how many bundles of a cycle are in the sender at a time, ahead how much of the
	// rate they are to last for and aheadBytes the least: enough for the loop never to run dry.
	maxSending = 64
	ahead      = 50 * time.Millisecond
	aheadBytes = 256 << 10
	// busyShare is the part of the rate that entries of a cycle take while there are publications to
	// send: control objects stand above these.
	busyShare = 10
)

// Step is one thing to send again.
type Step struct {
	// Sequence names the entry.
	Sequence uint64
	// Bundle says that the bundle of the entry, if the origin keeps one, follows it.
	Bundle bool
	// Cycle is the number of the cycle, from 1; 0 for a repeat outside of cycles.
	Cycle uint64
}

// Carousel decides what is sent again. One goroutine owns it, and its now never goes back.
type Carousel struct {
	cfg  Config
	head uint64
	// cycle numbers the cycle, next to last are its entries to come.
	cycle      uint64
	next, last uint64
	// begun is when the cycle began, release when its next step may be taken.
	begun, release mono.Time
	// sending has the size of the bundles of the cycle that the sender has not sent, by TOI, bytes
	// their sum.
	sending map[uint32]uint64
	bytes   uint64
	// walking says that a cycle is under way.
	walking bool
	repeats repeats
	stats   Stats
}

// Stats says how far the carousel is.
type Stats struct {
	// Cycle is the number of the cycle under way, or in the pause of the last one; 0: none yet.
	Cycle uint64
	// Sequence is the last entry handed out in the cycle, of Head.
	Sequence, Head uint64
	// Bytes of entries and bundles handed out in the cycle, copies and repair symbols included.
	Bytes uint64
	// LastBytes and Length are those of the last whole cycle, and how long it took without
	// the pause; 0: none yet.
	LastBytes uint64
	Length    time.Duration
	// Repeats counts the entries repeated outside of cycles.
	Repeats uint64
}

// New returns a carousel of a log that ends at head. The first cycle begins at once.
func New(cfg Config, head uint64, now mono.Time) *Carousel {
	if cfg.MaxRepeats == 0 {
		cfg.MaxRepeats = defaultMaxRepeats
	}
	return &Carousel{
		cfg: cfg, head: head, release: now, sending: make(map[uint32]uint64),
		repeats: newRepeats(cfg.MaxRepeats),
	}
}

// Published takes note that the entries up to head have been handed to the sender for the
// first time.
func (c *Carousel) Published(now mono.Time, head uint64) {
	first := c.head + 1
	if limit := uint64(c.cfg.MaxRepeats); head > limit {
		first = max(first, head-limit+1) // the rest would only be displaced
	}
	for sequence := first; sequence <= head; sequence++ {
		c.repeats.add(now, sequence)
	}
	c.head = max(c.head, head)
}

// Next returns the next step that is to be taken now, and whether there is one. busy says that
// publications wait to be sent. After the step the caller says what came of it by Sent.
func (c *Carousel) Next(now mono.Time, busy bool) (s Step, ok bool) {
	if sequence := c.repeats.next(now); sequence != 0 {
		c.stats.Repeats++
		return Step{Sequence: sequence}, true
	}
	if now < c.release || c.full() {
		return Step{}, false
	}
	if !c.walking {
		if c.head == 0 {
			return Step{}, false
		}
		c.begin(now)
	}
	if c.next > c.last {
		return Step{}, false // what was handed out is still being sent
	}
	s = Step{Sequence: c.next, Bundle: true, Cycle: c.cycle}
	c.next++
	return s, true
}

// begin begins a cycle.
func (c *Carousel) begin(now mono.Time) {
	c.walking = true
	c.cycle++
	c.next, c.last, c.begun = 1, c.head, now
	c.stats.Bytes = 0
}

// full reports whether the sender has enough of the cycle for now.
func (c *Carousel) full() bool {
	least := max(c.cfg.Rate/8*uint64(ahead/time.Millisecond)/1000, aheadBytes)
	return c.bytes >= least || len(c.sending) >= maxSending
}

// Sent says what a step has cost: the bytes of the entry with all its copies, 0 if it could not be
// sent; and, if a bundle was handed to the sender, its TOI (else 0) and how many bytes its pass will
// have. busy is as for Next.
func (c *Carousel) Sent(now mono.Time, s Step, entry uint64, toi uint32, bundle uint64, busy bool) {
	if s.Cycle == 0 {
		c.repeats.sent(now, c.duration(entry)*repeatShare)
		return
	}
	c.stats.Bytes += entry + bundle
	wait := c.duration(entry)
	if busy {
		wait *= busyShare
	}
	c.release = max(c.release, now).Add(wait)
	if toi != 0 {
		c.sending[toi] = bundle
		c.bytes += bundle
	}
	c.finish(now)
}

// Ended says that a bundle has been sent, or will not be: one that is not of the cycle is ignored.
func (c *Carousel) Ended(now mono.Time, toi uint32) {
	bytes, ok := c.sending[toi]
	if !ok {
		return
	}
	delete(c.sending, toi)
	c.bytes -= bytes
	c.finish(now)
}

// finish ends a cycle of which all is sent.
func (c *Carousel) finish(now mono.Time) {
	if !c.walking || c.next <= c.last || len(c.sending) > 0 {
		return
	}
	c.walking = false
	end := max(now, c.release)
	c.stats.LastBytes, c.stats.Length = c.stats.Bytes, end.Sub(c.begun)
	c.release = end.Add(c.cfg.Pause)
	c.repeats.carried(c.begun)
}

// NextTimeout returns when Next should be called if nothing else happens.
func (c *Carousel) NextTimeout() mono.Time {
	t := c.repeats.timeout()
	if c.full() || c.walking && c.next > c.last || c.head == 0 {
		return t // the end of a bundle, or a publication
	}
	return min(t, c.release)
}

// Stats returns a copy of the counters.
func (c *Carousel) Stats() Stats {
	s := c.stats
	s.Cycle, s.Head = c.cycle, c.head
	if c.cycle > 0 {
		s.Sequence = c.next - 1
	}
	return s
}

// duration returns how long bytes take at the rate.
func (c *Carousel) duration(bytes uint64) time.Duration {
	return time.Duration(float64(bytes) * 8 / float64(c.cfg.Rate) * float64(time.Second))
}
