package netem

import (
	"errors"
	"fmt"
	"time"
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
	// GroupLoss is the share of packets to a group, see SendGroup, that are lost beside: radios do
	// not repeat those, and switches police them.
	GroupLoss float64
	// Burst adds losses in bursts.
	Burst Burst
	// Duplicate is the share of packets that arrive twice, the copy within Jitter after the first.
	Duplicate float64
	// Corrupt is the share of packets that arrive with flipped bits; of two copies each has its
	// own luck. See Flip.
	Corrupt float64
	// Rate is what the transmitter sends, in bits per second; 0 is without limit. Queue is how many
	// bytes may wait for it; 0 is 256 KiB. What finds no room is lost.
	Rate  uint64
	Queue int
}

// Burst is the model of Gilbert and Elliott: the link is good or bad, and changes from packet to
// packet with the probabilities ToBad and ToGood. While it is bad it passes the share Pass of the
// packets, by default none; while it is good it loses Config.Loss. The mean length of a burst is
// 1/ToGood packets, the share of losses (1-Pass)·ToBad/(ToBad+ToGood).
type Burst struct{ ToBad, ToGood, Pass float64 }

// Bursts returns the model that loses a share, below 1, of all packets in bursts of a mean length
// in packets, at least 1.
func Bursts(loss, length float64) Burst {
	toGood := 1 / max(length, 1)
	return Burst{ToBad: toGood * loss / (1 - loss), ToGood: toGood}
}

const defaultQueue = 256 << 10

// Validate returns an error that wraps ErrConfig if there is no such link.
func (c Config) Validate() error {
	for _, share := range []float64{c.Loss, c.GroupLoss, c.Reorder, c.Duplicate, c.Corrupt, c.Burst.ToBad, c.Burst.ToGood, c.Burst.Pass} {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("%w: %v is not a share between 0 and 1", ErrConfig, share)
		}
	}
	switch {
	case c.Delay < 0 || c.Jitter < 0 || c.ReorderDelay < 0 || c.Queue < 0:
		return fmt.Errorf("%w: negative delay or queue", ErrConfig)
	case c.Burst.ToBad > 0 && c.Burst.ToGood == 0:
		return fmt.Errorf("%w: bursts that never end", ErrConfig)
	case c.Reorder > 0 && c.ReorderDelay == 0:
		return fmt.Errorf("%w: reordering without a ReorderDelay changes nothing", ErrConfig)
	}
	return nil
}

// Clear reports whether the link passes everything on at once.
func (c Config) Clear() bool { return c == Config{} }
