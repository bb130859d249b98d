package sender

import (
	"math/rand/v2"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// Engine decides which symbol of which object goes out next, and when. See the package comment for
// the contract between it and the loop around it.
type Engine struct {
	cfg   Config
	stats Stats
}

// New returns an engine that holds no object and sends its first heartbeat at once.
// It returns an error that wraps ErrConfig if cfg is not valid. The engine owns rng.
func New(cfg Config, rng *rand.Rand, now mono.Time) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Engine{cfg: cfg.withDefaults()}, nil
}

// Add begins to hold an object, and to send it unless o.Sent. It returns an error that wraps
// ErrObject, ErrExists or ErrFull; then nothing has changed.
func (e *Engine) Add(now mono.Time, o ObjectInfo) error { return nil }

// Cancel stops sending and repairing an object and forgets it, without an event. A TOI that is not held is ignored.
func (e *Engine) Cancel(now mono.Time, toi uint32) {}

// HandleFeedback takes a message of an edge: its asks, and what it tells of round trip and loss.
// f is only read, and not kept. The report in it is the loop's business.
func (e *Engine) HandleFeedback(now mono.Time, f *wire.Feedback) {}

// HandleTimeout does what is due at now. Early or repeated calls do nothing.
func (e *Engine) HandleTimeout(now mono.Time) {}

// NextEvent returns the next thing that the loop should know or do, and whether there is one.
func (e *Engine) NextEvent() (Event, bool) { return Event{}, false }

// NextPacket fills in the packet to send now, all but Payload, and reports whether there is one.
// The loop adds the symbol that TOI, SBN and ESI name, or, if TOI is wire.HeartbeatTOI, a
// heartbeat filled by Advertise, and sends it.
func (e *Engine) NextPacket(now mono.Time, p *wire.Packet) (ok bool) { return false }

// Advertise fills in the heartbeat that a packet with wire.HeartbeatTOI carries: all but Head.
// It reuses the slices in h.
func (e *Engine) Advertise(now mono.Time, h *wire.Heartbeat) {}

// NextTimeout returns when HandleTimeout and NextPacket should be called next if nothing else happens.
func (e *Engine) NextTimeout() mono.Time { return mono.Never }

// Stats returns a copy of the counters.
func (e *Engine) Stats() Stats { return e.stats }

// Edge returns what is known of one edge, and whether it was heard of lately.
func (e *Engine) Edge(id uint64) (EdgeInfo, bool) { return EdgeInfo{}, false }
