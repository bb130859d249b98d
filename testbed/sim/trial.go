package sim

import (
	"fmt"
	"time"

	"fanfare/control"
	"fanfare/fec"
	"fanfare/sender"
	"fanfare/testbed/netem"
)

// Pattern says how packets are lost.
type Pattern string

// The patterns.
const (
	// Independent: each edge loses each packet by itself.
	Independent Pattern = "independent"
	// Bursty: each edge loses packets by itself, in bursts of BurstLength on average (Gilbert-Elliott).
	Bursty Pattern = "bursty"
	// Shared: all edges lose the same packets, near the origin.
	Shared Pattern = "shared"
)

// BurstLength is the mean length of a burst of Bursty, in packets.
const BurstLength = 5

// Trial is one object for many edges that are alike.
type Trial struct {
	Edges   int
	Loss    float64 // share of packets, below 1
	Pattern Pattern
	Bytes   uint64
	Rate    uint64 // bits per second
	RTT     time.Duration
	Seed    uint64
}

// Outcome is what a trial came to.
type Outcome struct {
	Trial
	// MaxBlock is k, chosen for the loss.
	MaxBlock int
	// Source counts source symbols, Sent all that were sent.
	Source, Sent int
	// Ratio is Sent over Source, Ideal the least that it can be: Ideal's for losses that are
	// independent, 1/(1-Loss) for shared ones. For bursts there is no formula: there it is what had
	// been sent of each block when the last edge had enough of it. The entry and heartbeats are not
	// in them.
	Ratio, Ideal float64
	// NACKs counts messages with NACKs that the origin received. FeedbackShare is bytes of all
	// feedback from the publication to completion over bytes sent, headers included.
	NACKs         uint64
	FeedbackShare float64
	// Complete is how long after the publication the last edge had everything, Tail how long after
	// the end of the first pass.
	Complete, Tail time.Duration
	// Twice counts symbols that were sent though nobody had called for them.
	Twice int
}

// OverIdeal returns Ratio over Ideal.
func (o *Outcome) OverIdeal() float64 { return o.Ratio / o.Ideal }

// BlockFor returns k for a loss, as the origin chooses it.
func BlockFor(loss float64) int {
	switch {
	case loss <= 0.08:
		return 200
	case loss <= 0.18:
		return 160
	case loss <= 0.30:
		return 128
	}
	return 96
}

// config returns the network of a trial.
func (t *Trial) config() (Config, error) {
	down := netem.Config{Delay: t.RTT / 2}
	cfg := Config{
		Seed: t.Seed, Entries: true, MaxBlock: BlockFor(t.Loss),
		Sender: sender.Config{Rate: t.Rate, PacketOverhead: 28},
	}
	switch t.Pattern {
	case Independent:
		down.Loss = t.Loss
	case Bursty:
		down.Burst = netem.Bursts(t.Loss, BurstLength)
	case Shared:
		cfg.Trunk.Loss = t.Loss
	default:
		return cfg, fmt.Errorf("sim: no pattern %q", t.Pattern)
	}
	cfg.Edges = Star(t.Edges, down, netem.Config{Delay: t.RTT / 2})
	return cfg, nil
}

// trialLimit bounds a trial, in simulated time after the publication; trialStep is between two calls
// of tell.
const (
	trialLimit = time.Hour
	trialStep  = 50 * time.Millisecond
)

// Run carries the trial out. It calls tell now and then with the share of the source symbols that
// have been sent; if that returns an error the trial ends with it.
func (t Trial) Run(tell func(share float64) error) (Outcome, error) {
	cfg, err := t.config()
	if err != nil {
		return Outcome{}, err
	}
	s, err := New(cfg)
	if err != nil {
		return Outcome{}, err
	}
	// First all edges are heard, which takes the longer the more there are.
	start := time.Second + time.Duration(t.Edges)*1500*time.Microsecond
	before, err := s.RunOn(start)
	if err != nil {
		return Outcome{}, err
	}
	key, err := control.ParseKey("/object")
	if err != nil {
		return Outcome{}, err
	}
	if _, err := s.AddObjects(control.Object{Key: key, Length: t.Bytes}); err != nil {
		return Outcome{}, err
	}
	for until := start; ; until += trialStep {
		r, err := s.Run(until)
		if err != nil {
			return Outcome{}, err
		}
		if r.Finished {
			return t.outcome(s.objects[0].oti, before, r)
		}
		if until > start+trialLimit {
			return Outcome{}, fmt.Errorf("sim: %d edges, %v: not complete after %v", t.Edges, t.Loss, trialLimit)
		}
		if err := tell(float64(r.Sender.SourceSymbolsSent) / float64(max(r.Objects[0].Source, 1))); err != nil {
			return Outcome{}, err
		}
	}
}

// outcome sums up.
func (t Trial) outcome(oti fec.OTI, before, r Result) (Outcome, error) {
	if r.Log.InStep != t.Edges || r.Log.DigestsDiffer+r.Log.WrongAnswers > 0 {
		return Outcome{}, fmt.Errorf("sim: catalogues are not as they must be: %+v", r.Log)
	}
	o := r.Objects[0]
	out := Outcome{
		Trial: t, MaxBlock: int(oti.MaxBlock), Source: o.Source, Sent: o.Sent, Ratio: o.Ratio(),
		NACKs:         r.Sender.NACKsReceived - before.Sender.NACKsReceived,
		FeedbackShare: float64(r.FeedbackBytes-before.FeedbackBytes) / float64(max(r.Sender.BytesSent-before.Sender.BytesSent, 1)),
		Complete:      o.Last, Tail: o.Last - o.FirstPass, Twice: o.RepairedTwice,
	}
	switch t.Pattern {
	case Independent:
		out.Ideal = IdealObject(oti, 0, Losers{t.Edges, t.Loss})
	case Bursty:
		out.Ideal = float64(o.Sent-o.Surplus) / float64(max(o.Source, 1))
	case Shared:
		out.Ideal = 1 / (1 - t.Loss)
	}
	return out, nil
}
