package receiver

import (
	"math/rand/v2"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// Engine knows what is missing, when to ask for it, and when a block can be decoded. See the
// package comment for the contract between it and the loop around it.
type Engine struct {
	cfg   Config
	stats Stats
}

// New returns an engine that has heard nothing and expects nothing. It returns an error that
// wraps ErrConfig if cfg is not valid. The engine owns rng.
func New(cfg Config, rng *rand.Rand, now mono.Time) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Engine{cfg: cfg.withDefaults()}, nil
}

// Expect announces an object that should arrive, as a log entry says. It may come before or
// after the first packets; an object that began by its packets with another OTI starts
// anew, so the loop compares Object first. o.Whole is added to what is there; if that
// completes the object, ObjectWhole follows. An empty object is whole at once.
// It returns an error that wraps ErrObject, or ErrFull.
func (e *Engine) Expect(now mono.Time, o ObjectInfo) error { return nil }

// Forget drops an object, without an event; its further packets are ignored for a while unless
// it is expected again. A TOI that is not held is remembered in the same way.
func (e *Engine) Forget(now mono.Time, toi uint32) {}

// Object returns what is known of an object that is held, without Whole.
func (e *Engine) Object(toi uint32) (ObjectInfo, bool) { return ObjectInfo{}, false }

// HandlePacket takes a packet of a control or data object; p is only read, and not kept. If keep is true the loop must store
// p.Payload under (TOI, SBN, ESI) before it drains events.
func (e *Engine) HandlePacket(now mono.Time, p *wire.Packet) (keep bool) { return false }

// HandleHeartbeat takes a packet with wire.HeartbeatTOI and the heartbeat it carries; both are
// only read. The loop verifies h.Head before, and expects what it makes known.
func (e *Engine) HandleHeartbeat(now mono.Time, p *wire.Packet, h *wire.Heartbeat) {}

// HandleResult takes the outcome of a BlockReady: with a nil err the block is whole; any other
// empties it, and it is asked for anew. A block that was whole may fail later in the same way,
// as long as its object is held.
func (e *Engine) HandleResult(now mono.Time, ev Event, err error) {}

// HandleTimeout does what is due at now. Early or repeated calls do nothing.
func (e *Engine) HandleTimeout(now mono.Time) {}

// SocketDropped says that the receive buffer dropped n more packets.
func (e *Engine) SocketDropped(n uint64) { e.stats.SocketDrops += n }

// RequestReport asks for a report soon: the loop has something to tell. In large groups it is
// delayed at random, so that not all edges report at once.
func (e *Engine) RequestReport(now mono.Time) {}

// NextEvent returns the next thing that the loop should know or do, and whether there is one.
func (e *Engine) NextEvent() (Event, bool) { return Event{}, false }

// NextFeedback fills in the feedback message to send now, and reports whether there is one.
// It reuses f.NACKs. When a report is due f.Report is a struct of the engine's with the
// counters of packets and NACKs filled in and all else zero, which the loop completes; it is
// valid until the next call. A message has either NACKs or a report.
func (e *Engine) NextFeedback(now mono.Time, f *wire.Feedback) (ok bool) { return false }

// NextTimeout returns when HandleTimeout and NextFeedback should be called next if nothing else happens.
func (e *Engine) NextTimeout() mono.Time { return mono.Never }

// Stats returns a copy of the counters.
func (e *Engine) Stats() Stats { return e.stats }
