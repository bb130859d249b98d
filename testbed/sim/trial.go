package sim

import (
	"fmt"
	"slices"
	"time"

	"fanfare/control"
	"fanfare/fec"
	"fanfare/sender"
)

// Trial is one object for many edges.
type Trial struct {
	Edges   int
	Loss    float64 // share of packets, below 1
	Pattern Pattern
	Bytes   uint64
	Rate    uint64 // bits per second
	RTT     time.Duration
	Seed    uint64
	// Proactive is as in Config. Warm is the length of an object that goes before, so that the
	// origin knows what edges lose; 0: none does, and blocks are as for Loss.
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
	// independent, 1/(1-Loss) for shared ones. For bursts and late joiners there is no formula:
	// there it is what had been sent of each block when the last edge had enough of it. The entry
	// and heartbeats are not in them.
	Ratio, Ideal float64
	// NACKs counts messages with NACKs that the origin received. FeedbackShare is bytes of all
	// feedback from the publication to completion over bytes sent, headers included.
	NACKs         uint64
	FeedbackShare float64
	// Complete is how long after the publication the last edge had everything, Tail how long after
	// the end of the first pass.
	Complete, Tail time.Duration
	// Receipts is how long after the publication the origin had the last receipt, RateShare what all
	// feedback until then was of what the rate would have let the origin send in that time.
	Receipts  time.Duration
	RateShare float64
	// Twice counts symbols that were sent though nobody had called for them.
	Twice int
}

// OverIdeal returns Ratio over Ideal.
func (o *Outcome) OverIdeal() float64 { return o.Ratio / o.Ideal }

// BlockFor returns k for a loss, as the origin chooses it.
func BlockFor(loss float64) int { return sender.MaxBlock(uint32(loss * 1e6)) }

// blockLength returns k for the losses that edges have reported.
func (s *Simulation) blockLength() int {
	var losses []uint32
	for i := range s.edges {
		if e, known := s.origin.engine.Edge(uint64(i) + 1); known {
			losses = append(losses, e.LossPPM)
		}
	}
	if len(losses) == 0 {
		return sender.MaxBlock(0)
	}
	slices.Sort(losses)
	return sender.MaxBlock(losses[(len(losses)*sender.MaxBlockPercentile+99)/100-1])
}

// config returns the network of a trial.
func (t *Trial) config() (cfg Config, err error) {
	cfg = Config{
		Seed: t.Seed, Entries: true, Proactive: t.Proactive, MaxBlock: BlockFor(t.Loss),
		Sender: sender.Config{Rate: t.Rate, PacketOverhead: 28},
	}
	cfg.Edges, cfg.Trunk, err = t.links()
	return cfg, err
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
	if err := t.warm(s); err != nil {
		return Outcome{}, err
	}
	before, start := s.result(), s.now
	s.joinLate(&t)
	r, err := t.bring(s, "/object", t.Bytes, tell)
	if err != nil {
		return Outcome{}, err
	}
	o, err := t.outcome(s.objects[len(s.objects)-1].oti, before, r)
	if err != nil {
		return o, err
	}
	for s.receipts() < len(s.edges) {
		if s.now.Sub(start) > trialLimit {
			return o, fmt.Errorf("sim: %d edges, %v: no receipt from all after %v", t.Edges, t.Loss, trialLimit)
		}
		if err := tell(1); err != nil {
			return o, err
		}
		if s.advance(time.Second); s.err != nil {
			return o, s.err
		}
	}
	for i := range s.edges {
		o.Receipts = max(o.Receipts, s.edges[i].receiptAt.Sub(start))
	}
	o.RateShare = float64(s.uplink.bytes-before.FeedbackBytes) * 8 / (float64(t.Rate) * o.Receipts.Seconds())
	return o, nil
}

// warm has all edges heard, and what they lose known.
func (t *Trial) warm(s *Simulation) error {
	if _, err := s.RunOn(time.Second); err != nil || t.Warm == 0 {
		return err
	}
	if _, err := t.bring(s, "/before", t.Warm, func(float64) error { return nil }); err != nil {
		return err
	}
	// Whoever joins later has no need of it.
	if _, err := s.AddEntry(control.Entry{Kind: control.KindPurge, Purge: []control.Selector{{Kind: control.SelectAll}}}); err != nil {
		return err
	}
	// Every edge reports about twice in the time in which one that is silent counts as live.
	if _, err := s.RunOn(s.origin.engine.EdgeLifetime() / 2); err != nil {
		return err
	}
	s.cfg.MaxBlock = s.blockLength()
	return nil
}

// joinLate starts the edges that join late, when half of the object has been sent.
func (s *Simulation) joinLate(t *Trial) {
	half := time.Duration(float64(t.Bytes) * 8 / float64(t.Rate) / 2 * float64(time.Second))
	for i := range s.edges {
		if t.late(i) {
			s.At(s.Now()+half, func() { s.fail(s.StartEdge(i)) })
		}
	}
}

// receipts returns of how many edges a report has told the origin that they have everything.
func (s *Simulation) receipts() (n int) {
	for i := range s.edges {
		if s.edges[i].receipt == uint64(len(s.objects)) {
			n++
		}
	}
	return n
}

// bring publishes an object and runs until every edge has it.
func (t *Trial) bring(s *Simulation, path string, bytes uint64, tell func(share float64) error) (Result, error) {
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
	case Bursty, LateJoiners:
		out.Ideal = float64(o.Sent-o.Surplus) / float64(max(o.Source, 1))
	case Shared:
		out.Ideal = 1 / (1 - t.Loss)
	default:
		out.Ideal = IdealObject(oti, 0, t.losers()...)
	}
	return out, nil
}
