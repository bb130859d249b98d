package netem

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"fanfare/internal/mono"
)

// ErrConfig is wrapped by errors about a Config.
var ErrConfig = errors.New("netem: bad configuration")

// Config says what a link does to packets. The zero value passes them on at once.
type Config struct {
	// Delay is what every packet takes.
	Delay time.Duration
	// Jitter is the most by which a packet takes longer, drawn evenly; packets stay in order.
	Jitter time.Duration
	// Reorder is the share of packets that are held back by up to ReorderDelay more, while
	// those behind them pass.
	Reorder      float64
	ReorderDelay time.Duration
	// Loss is the share of packets lost independently of each other.
	Loss float64
	// Burst adds losses in bursts.
	Burst Burst
	// Duplicate is the share of packets that arrive twice, the copy within Jitter after the first.
	Duplicate float64
	// Rate is what the transmitter sends, in bits per second; 0 is without limit. Queue is how many
	// bytes may wait for it; 0 is 256 KiB. What finds no room is lost.
	Rate  uint64
	Queue int
}

// Burst is the model of Gilbert and Elliott: the link is good or bad, changes from packet to
// packet with these probabilities, and loses everything while it is bad. The mean length of a burst is
// 1/ToGood packets, the share of losses ToBad/(ToBad+ToGood).
type Burst struct{ ToBad, ToGood float64 }

// Bursts returns the model that loses a share of all packets in bursts of a mean length.
func Bursts(loss, length float64) Burst {
	toGood := 1 / max(length, 1)
	return Burst{ToBad: toGood * loss / (1 - loss), ToGood: toGood}
}

const defaultQueue = 256 << 10

// Validate returns an error that wraps ErrConfig if there is no such link.
func (c Config) Validate() error {
	for _, share := range []float64{c.Loss, c.Reorder, c.Duplicate, c.Burst.ToBad, c.Burst.ToGood} {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("%w: %v is not a share between 0 and 1", ErrConfig, share)
		}
	}
	switch {
	case c.Delay < 0 || c.Jitter < 0 || c.ReorderDelay < 0 || c.Queue < 0:
		return fmt.Errorf("%w: negative delay or queue", ErrConfig)
	case c.Burst.ToBad > 0 && c.Burst.ToGood == 0:
		return fmt.Errorf("%w: bursts that never end", ErrConfig)
	}
	return nil
}

// Stats counts what a link did.
type Stats struct {
	// Sent counts packets that were given to the link, Lost those of them that were lost,
	// QueueDrops the part of them that found the queue full.
	Sent, Lost, QueueDrops uint64
	// Duplicated and Reordered count packets that arrive twice or late.
	Duplicated, Reordered uint64
}

// Link is one direction of a link.
type Link struct {
	cfg   Config
	rng   *rand.Rand
	stats Stats
	// untilLoss is how many packets pass before the next independent loss.
	untilLoss uint64
	bad       bool
	// idle is when the transmitter has sent all it has; arrival is that of the last packet.
	idle, arrival mono.Time
	cut           mono.Time
}

// New returns a link. It returns an error that wraps ErrConfig if cfg is not valid. The link owns rng.
func New(cfg Config, rng *rand.Rand) (*Link, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Queue == 0 {
		cfg.Queue = defaultQueue
	}
	l := &Link{cfg: cfg, rng: rng}
	l.untilLoss = l.drawLoss()
	return l, nil
}

// Arrivals says when a packet arrives: At[:N], ascending. A lost one does not.
type Arrivals struct {
	At [2]mono.Time
	N  int
}

// Send gives a packet of some bytes to the link.
func (l *Link) Send(now mono.Time, size int) (a Arrivals) {
	start := now
	if l.cfg.Rate > 0 {
		if l.waiting(now) > l.cfg.Queue {
			l.stats.Sent++
			l.stats.Lost++
			l.stats.QueueDrops++
			return a
		}
		start = max(now, l.idle).Add(time.Duration(float64(size) * 8e9 / float64(l.cfg.Rate)))
		l.idle = start
	}
	if l.Lose(now) {
		return a
	}
	at := max(start.Add(l.cfg.Delay+l.upTo(l.cfg.Jitter)), l.arrival)
	if l.chance(l.cfg.Reorder) {
		l.stats.Reordered++
		at = at.Add(l.upTo(l.cfg.ReorderDelay))
	} else {
		l.arrival = at
	}
	a.At[0], a.N = at, 1
	if l.chance(l.cfg.Duplicate) {
		l.stats.Duplicated++
		a.At[1], a.N = at.Add(l.upTo(l.cfg.Jitter)), 2
	}
	return a
}

// waiting returns how many bytes wait for the transmitter.
func (l *Link) waiting(now mono.Time) int {
	if l.idle <= now {
		return 0
	}
	return int(l.idle.Sub(now).Seconds() * float64(l.cfg.Rate) / 8)
}

// Lose decides about a packet as Send does, but for the queue. It is for links of which Plain
// is true, whose packets all take Delay.
func (l *Link) Lose(now mono.Time) bool {
	l.stats.Sent++
	lost := now < l.cut
	if l.untilLoss == 0 {
		lost = true
		l.untilLoss = l.drawLoss()
	} else {
		l.untilLoss--
	}
	if l.cfg.Burst.ToBad > 0 {
		change := l.cfg.Burst.ToBad
		if l.bad {
			change = l.cfg.Burst.ToGood
		}
		if l.rng.Float64() < change {
			l.bad = !l.bad
		}
		lost = lost || l.bad
	}
	if lost {
		l.stats.Lost++
	}
	return lost
}

// Plain reports whether the link only loses and delays.
func (l *Link) Plain() bool {
	c := l.cfg
	return c.Jitter == 0 && c.Reorder == 0 && c.Duplicate == 0 && c.Rate == 0
}

// Delay returns Config.Delay.
func (l *Link) Delay() time.Duration { return l.cfg.Delay }

// Cut loses everything until a time.
func (l *Link) Cut(until mono.Time) { l.cut = until }

// Stats returns a copy of the counters.
func (l *Link) Stats() Stats { return l.stats }

// drawLoss draws how many packets pass before one is lost. One draw a loss instead of one a
// packet makes large simulations fast.
func (l *Link) drawLoss() uint64 {
	switch p := l.cfg.Loss; {
	case p <= 0:
		return math.MaxUint64
	case p >= 1:
		return 0
	default:
		return uint64(math.Log(1-l.rng.Float64()) / math.Log1p(-p))
	}
}

func (l *Link) chance(share float64) bool { return share > 0 && l.rng.Float64() < share }

func (l *Link) upTo(d time.Duration) time.Duration {
	if d == 0 {
		return 0
	}
	return time.Duration(l.rng.Float64() * float64(d))
}
