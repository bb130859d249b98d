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
	// Proactive is as in Config. Warm is the length of an object that goes before, so that the
	// origin knows what edges lose; 0: none does.
	Proactive int
	Warm      uint64
}

// Outcome is what a trial came to.
type Outcome struct {
	Trial
	// MaxBlock is k, chosen for the loss.
	MaxBlock int
	// Source counts source symbols, Sent all that were sent, Proactive those sent unasked.
	Source, Sent, Proactive int
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
		Seed: t.Seed, Entries: true, Proactive: t.Proactive, MaxBlock: BlockFor(t.Loss),
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
	quiet := time.Second + time.Duration(t.Edges)*1500*time.Microsecond
	before, err := s.RunOn(quiet)
	if err != nil {
		return Outcome{}, err
	}
	if t.Warm > 0 {
		if _, err := t.bring(s, "/before", t.Warm, func(float64) error { return nil }); err != nil {
			return Outcome{}, err
		}
		if before, err = s.RunOn(quiet); err != nil {
			return Outcome{}, err
		}
	}
	r, err := t.bring(s, "/object", t.Bytes, tell)
	if err != nil {
		return Outcome{}, err
	}
	return t.outcome(s.objects[len(s.objects)-1].oti, before, r)
}

// bring publishes an object and runs until every edge has it.
func (t Trial) bring(s *Simulation, path string, bytes uint64, tell func(share float64) error) (Result, error) {
	key, err := control.ParseKey(path)
	if err != nil {
		return Result{}, err
	}
	if _, err := s.AddObjects(control.Object{Key: key, Length: bytes}); err != nil {
		return Result{}, err
	}
	start, before := s.Now(), s.origin.engine.Stats().SourceSymbolsSent
	for until := start; ; until += trialStep {
		r, err := s.Run(until)
		if err != nil || r.Finished {
			return r, err
		}
		if until > start+trialLimit {
			return r, fmt.Errorf("sim: %d edges, %v: not complete after %v", t.Edges, t.Loss, trialLimit)
		}
		source := r.Objects[len(r.Objects)-1].Source
		if err := tell(float64(r.Sender.SourceSymbolsSent-before) / float64(max(source, 1))); err != nil {
			return r, err
		}
	}
}

// outcome sums up.
func (t Trial) outcome(oti fec.OTI, before, r Result) (Outcome, error) {
	if r.Log.InStep != t.Edges || r.Log.DigestsDiffer+r.Log.WrongAnswers > 0 {
		return Outcome{}, fmt.Errorf("sim: catalogues are not as they must be: %+v", r.Log)
	}
	o := r.Objects[len(r.Objects)-1]
	out := Outcome{
		Trial: t, MaxBlock: int(oti.MaxBlock), Source: o.Source, Sent: o.Sent, Proactive: o.Proactive, Ratio: o.Ratio(),
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
