package sim

import (
	"time"

	"fanfare/internal/carousel"
	"fanfare/internal/mono"
	"fanfare/sender"
)

// OneWay describes a session without a return path.
type OneWay struct {
	// Proactive is the share of repair symbols, Pause between two cycles.
	Proactive float64
	Pause     time.Duration
}

// startCarousel makes the carousel of an origin that starts.
func (s *Simulation) startCarousel() {
	s.origin.carousel = nil
	if w := s.cfg.OneWay; w != nil {
		config := carousel.Config{Rate: s.cfg.Sender.Rate, Pause: w.Pause}
		s.origin.carousel = carousel.New(config, uint64(len(s.objects)), s.now)
		for _, o := range s.objects {
			o.passed = min(o.passed, s.now)
		}
	}
}

// offerOneWay hands an object to the sender for the first time.
func (s *Simulation) offerOneWay(o *published) error {
	info, _ := carousel.Entry(s.cfg.OneWay.Proactive, o.sequence, o.entry)
	if err := s.origin.engine.Add(s.now, info); err != nil {
		return err
	}
	s.origin.carousel.Published(s.now, o.sequence)
	if o.bare {
		o.passed = s.now
		return nil
	}
	extra := carousel.Unasked(s.cfg.OneWay.Proactive, o.toi, o.oti)
	return s.origin.engine.Add(s.now, sender.ObjectInfo{TOI: o.toi, OTI: o.oti, Proactive: extra})
}

// repeatAll hands the sender what is to be sent again.
func (s *Simulation) repeatAll() {
	c := s.origin.carousel
	if c == nil {
		return
	}
	n := len(s.objects)
	busy := n > 0 && s.objects[n-1].passed == mono.Never
	for step, ok := c.Next(s.now, busy); ok; step, ok = c.Next(s.now, busy) {
		s.repeat(step, busy)
	}
}

func (s *Simulation) repeat(step carousel.Step, busy bool) {
	o := s.objects[step.Sequence-1]
	info, entry := carousel.Entry(s.cfg.OneWay.Proactive, o.sequence, o.entry)
	s.addAgain(info)
	var toi uint32
	var bytes uint64
	if step.Bundle && !o.bare && o.passed != mono.Never {
		var ok bool
		if info, bytes, ok = carousel.Bundle(s.cfg.OneWay.Proactive, step, o.oti); ok {
			s.addAgain(info)
			toi = info.TOI
		}
	}
	s.origin.carousel.Sent(s.now, step, entry, toi, bytes, busy)
}

// addAgain hands the sender an object that it may still have.
func (s *Simulation) addAgain(info sender.ObjectInfo) {
	if err := s.origin.engine.Add(s.now, info); err != sender.ErrExists {
		s.fail(err)
	}
}

// Carousel returns how far the carousel of a one-way session is.
func (s *Simulation) Carousel() carousel.Stats { return s.origin.carousel.Stats() }
