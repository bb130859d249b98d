package sender

import (
	"math"
	"math/bits"
	"time"

	"fanfare/fec"
	"fanfare/internal/mono"
)

// NoProactive is an ObjectInfo.Proactive: no repair symbol goes out unasked.
const NoProactive = -1

// proactive decides how many repair symbols follow the source symbols of each block in automatic
// first passes: by a rule, from the losses that edges report, and by tracking whether that was
// enough as often as the rule foresaw.
type proactive struct {
	losses  lossClasses
	counted mono.Time
	// rulings has what the rule says for each k, once it was needed.
	rulings [fec.MaxSymbols + 1]ruling
	// drift is what tracking has come to beyond the rule, for each symbol of a block, from tracked
	// blocks, the last at trackedAt.
	drift     float64
	tracked   int
	trackedAt mono.Time
	// unjudged are objects whose first pass is over, but not yet judged; see unasked.
	unjudged []*object
}

// ruling is what the rule says: how many symbols, and the chance that no edge needs more.
type ruling struct {
	known  bool
	amount int
	enough float64
}

const (
	// wasted is the share of the source symbols that may be sent in vain on average. With 0.005 four
	// edges that lose 5 % were sent 0.15 % more, and finished no sooner.
	wasted = 0.003
	// unlikely is the chance of not being needed from which on a symbol is not sent, however few
	// that are: on a path that is all but clean nothing is.
	unlikely = 0.75
	// countInterval is how long the losses of all edges are taken to be what they were.
	countInterval = 500 * time.Millisecond
	// Tracking moves by up to trackFirst symbols a block at first, by trackGain in the end, half way
	// after trackBlocks. trackKeep is how long it is remembered what it came to.
	trackFirst  = 4
	trackGain   = 0.5
	trackBlocks = 8
	trackKeep   = time.Minute
)

// amount returns a, how many repair symbols blocks of k symbols should get on average: none on a clean
// path.
func (p *proactive) amount(now mono.Time, k, n int, all *edges) float64 {
	r := p.ruled(now, k, all)
	if r.amount == 0 {
		return 0
	}
	if now.Sub(p.trackedAt) > trackKeep {
		p.drift, p.tracked = 0, 0
	}
	return min(max(float64(r.amount)+p.drift*float64(k), 0), float64(n-k))
}

// track takes note of what a block of k symbols turned out to need beyond its source symbols. If that
// is more than a as often as the rule foresaw, the ups and downs even out; else a drifts to where it
// is: up if losses come in bursts, down if edges lose the same packets.
func (p *proactive) track(now mono.Time, k, n, need int, all *edges) {
	r := p.ruled(now, k, all)
	if r.amount == 0 {
		return
	}
	step := trackGain + (trackFirst-trackGain)*trackBlocks/float64(trackBlocks+p.tracked)
	if float64(need) > p.amount(now, k, n, all) {
		step *= r.enough
	} else {
		step *= r.enough - 1
	}
	rule := float64(r.amount) / float64(k)
	p.drift = min(max(p.drift+step/float64(k), -rule), 2*rule)
	p.tracked, p.trackedAt = p.tracked+1, now
}

// ruled returns what the rule says for k.
func (p *proactive) ruled(now mono.Time, k int, all *edges) ruling {
	p.count(now, all)
	r := &p.rulings[k]
	if !r.known {
		*r = p.losses.rule(k)
	}
	return *r
}

// count looks at what edges report, now and then.
func (p *proactive) count(now mono.Time, all *edges) {
	if p.counted == 0 || now.Sub(p.counted) >= countInterval {
		p.counted = max(now, 1)
		p.losses = all.losses()
		p.rulings = [len(p.rulings)]ruling{}
	}
}

// copies returns how often the symbol of a one-symbol control object is sent: controlCopies times, or
// as often as makes it unlikely that some edge loses every copy.
func (p *proactive) copies(now mono.Time, all *edges) uint32 {
	p.count(now, all)
	n := controlCopies
	for n < mostCopies && p.losses.allLost(n) > copiesRisk {
		n++
	}
	return uint32(n)
}

// allLost returns how many edges lose all of n packets on average.
func (c *lossClasses) allLost(n int) (sum float64) {
	for class, edges := range c {
		if edges > 0 {
			sum += float64(edges) * math.Pow(c.loss(class), float64(n))
		}
	}
	return sum
}

// lossClasses counts edges by their loss, in classes that are an eighth of an octave wide: so
// 10,000 edges cost no more than ten.
type lossClasses [lossOctaves * 8]uint32

const (
	lossOctaves = 20 // up to 2^20 packets per million
	// hopeless is the loss, in packets per million, from which on an edge is not catered for.
	hopeless = 500_000
)

// losses counts the edges that lose something, stragglers apart.
func (s *edges) losses() (c lossClasses) {
	for _, e := range s.table { // the order cannot be seen
		if e.LossPPM > 0 && e.LossPPM < hopeless && !e.Demoted && !e.standing.outlier {
			c[lossClass(e.LossPPM)]++
		}
	}
	return c
}

// lossClass returns the class of a loss between 1 and 2^20-1 packets per million: its octave, and
// the three bits after the first.
func lossClass(ppm uint32) int {
	octave := bits.Len32(ppm) - 1
	return octave*8 + int(ppm<<3>>octave&7)
}

// loss returns the loss in the middle of a class, as a share.
func (c *lossClasses) loss(class int) float64 {
	octave, eighth := class/8, class%8
	return math.Ldexp(1+(float64(eighth)+0.5)/8, octave) / 1e6
}

// rule says how many repair symbols should follow k source symbols: the largest a with
//
//	Σ_{m<a} ∏_r F_r(m) <= wasted · k
//
// where F_r(m), the chance that edge r needs at most m symbols more than k, is
// Σ_{j<=m} C(k+j-1, j) p^j (1-p)^k. Their product is the chance that symbol k+m is not needed by
// anybody, so the sum is how many of those a are sent in vain on average.
func (c *lossClasses) rule(k int) ruling {
	type lossy struct{ loss, edges, term, chance float64 }
	var classes [len(lossClasses{})]lossy
	list := classes[:0]
	for class, n := range c {
		if n > 0 {
			p := c.loss(class)
			term := math.Pow(1-p, float64(k))
			list = append(list, lossy{loss: p, edges: float64(n), term: term, chance: term})
		}
	}
	var vain float64
	for m := 0; k+m < fec.MaxSymbols; m++ {
		all := 1.0
		for i := range list {
			all *= math.Pow(min(list[i].chance, 1), list[i].edges)
		}
		if vain += all; vain > wasted*float64(k) || all > unlikely {
			return ruling{known: true, amount: m, enough: all}
		}
		for i := range list {
			l := &list[i]
			l.term *= float64(k+m) / float64(m+1) * l.loss
			l.chance += l.term
		}
	}
	return ruling{known: true, amount: fec.MaxSymbols - k, enough: 1}
}
