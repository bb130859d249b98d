package netem

import (
	"math"
	"math/rand/v2"
	"time"

	"fanfare/internal/mono"
)

// Stats counts what a link did.
type Stats struct {
	// Sent counts packets that were given to the link, Lost those of them that were lost,
	// QueueDrops the part of them that found the queue full.
	Sent, Lost, QueueDrops uint64
	// Duplicated and Reordered count packets that arrive twice or late, Corrupted those,
	// copies too, that arrive with flipped bits.
	Duplicated, Reordered, Corrupted uint64
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

// New returns a link. It returns an error that wraps ErrConfig if cfg is not valid. The link
// owns rng.
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

// Arrivals says when a packet arrives: At[:N], ascending. A lost one does not. Corrupt[i] is 0
// for an intact arrival; otherwise it is what Flip makes the damage from.
type Arrivals struct {
	At      [2]mono.Time
	Corrupt [2]uint64
	N       int
}

// Send gives a packet of some bytes to the link.
func (l *Link) Send(now mono.Time, size int) Arrivals { return l.send(now, size, 0) }

// SendGroup is Send for a packet to a group, which Config.GroupLoss may hit, too.
func (l *Link) SendGroup(now mono.Time, size int) Arrivals { return l.send(now, size, l.cfg.GroupLoss) }

// send gives a packet to the link, of which a share is lost beside what the link loses.
func (l *Link) send(now mono.Time, size int, loss float64) (a Arrivals) {
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
	if l.chance(loss) {
		l.stats.Lost++
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
	for i := range a.N {
		if l.chance(l.cfg.Corrupt) {
			l.stats.Corrupted++
			a.Corrupt[i] = l.rng.Uint64() | 1
		}
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
		lost = lost || l.bad && !l.chance(l.cfg.Burst.Pass)
	}
	if lost {
		l.stats.Lost++
	}
	return lost
}

// Plain reports whether the link only loses and delays, evenly and in order.
func (l *Link) Plain() bool {
	c := l.cfg
	return c.Jitter == 0 && c.Reorder == 0 && c.Duplicate == 0 && c.Corrupt == 0 && c.Rate == 0 && c.GroupLoss == 0
}

// Delay returns Config.Delay.
func (l *Link) Delay() time.Duration { return l.cfg.Delay }

// Reconfigure changes what the link does from the next packet on. What waits for the
// transmitter or is under way stays so, and a Cut goes on. It returns an error that wraps
// ErrConfig, and changes nothing, if cfg is not valid.
func (l *Link) Reconfigure(cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if cfg.Queue == 0 {
		cfg.Queue = defaultQueue
	}
	redraw := cfg.Loss != l.cfg.Loss
	l.cfg = cfg
	if redraw {
		l.untilLoss = l.drawLoss()
	}
	if cfg.Burst.ToBad == 0 {
		l.bad = false
	}
	return nil
}

// Cut loses everything until a time: mono.Never for good, the present to end a cut.
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
