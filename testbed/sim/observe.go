package sim

import (
	"errors"
	"math/bits"
	"time"

	"fanfare/fec"
	"fanfare/internal/mono"
	"fanfare/receiver"
	"fanfare/sender"
	"fanfare/testbed/netem"
)

// ErrDown is returned for a publication while the origin is stopped.
var ErrDown = errors.New("sim: the origin is down")

// Object is what Add adds to the log.
type Object struct {
	// OTI is of the bundle.
	OTI fec.OTI
	// EntryBytes is how long its entry is; 0: 250. It travels as a control object if
	// Config.Entries is true.
	EntryBytes int
	// Bare is an entry without a bundle, as a purge is; it needs Config.Entries.
	Bare bool
	// Priority is the class that its bundle is sent in.
	Priority sender.Priority
	// statement is what the entry says, if it is a real one.
	statement *statement
}

// entry returns the OTI of the object's entry: one block, of several symbols if it must be.
func (o Object) entry(bundle fec.OTI) fec.OTI {
	n := o.EntryBytes
	if n == 0 {
		n = 250
	}
	symbol := min(n, max(int(bundle.SymbolLength), 1344))
	k := (n + symbol - 1) / symbol
	return fec.OTI{TransferLength: uint64(n), SymbolLength: uint16(symbol), MaxBlock: uint16(k), MaxSymbols: fec.MaxSymbols}
}

// Add appends an object to the log now, between two runs, and returns its sequence.
func (s *Simulation) Add(o Object) (sequence uint64, err error) {
	if err := s.publish(o); err != nil {
		return 0, err
	}
	s.pumpOrigin()
	return uint64(len(s.objects)), s.err
}

// Arrival is an entry or all of a bundle at an edge.
type Arrival struct {
	At       time.Duration
	Edge     int
	Sequence uint64
	// Entry says that it is the entry. A bare one arrives twice: as entry, and as all there is.
	Entry bool
}

// Arrivals returns what arrived since the last call, in order. The slice is valid until the
// simulation goes on. See Config.Observe.
func (s *Simulation) Arrivals() []Arrival {
	list := s.arrivals
	s.arrivals = s.arrivals[len(s.arrivals):]
	return list
}

func (s *Simulation) arrive(i int, o *published, entry bool) {
	if s.cfg.Observe {
		s.arrivals = append(s.arrivals, Arrival{At: s.Now(), Edge: i, Sequence: o.sequence, Entry: entry})
	}
}

// Fraction returns which share of the blocks of a bundle an edge has.
func (s *Simulation) Fraction(i int, sequence uint64) float64 {
	o := s.objects[sequence-1]
	if o.done[i] != mono.Never {
		return 1
	}
	return float64(o.have[i].count()) / float64(max(o.part.Blocks(), 1))
}

// StartEdge starts an edge that is not there yet, or was stopped. It finds the blocks that it had on
// disk.
func (s *Simulation) StartEdge(i int) error {
	s.edges[i].whole = func(toi uint32) []receiver.BlockRange { return s.byTOI[toi].have[i].ranges() }
	return s.startEdge(i)
}

// PauseEdge has an edge hear and do nothing for a time.
func (s *Simulation) PauseEdge(i int, d time.Duration) { s.edges[i].paused = s.now.Add(d) }

// JumpClock moves the origin's wall clock, whose time the entries bear from now on.
func (s *Simulation) JumpClock(by time.Duration) { s.log.clock += by }

// Running reports whether an edge runs.
func (s *Simulation) Running(i int) bool { return s.edges[i].engine != nil }

// Trunk returns the link that all edges share.
func (s *Simulation) Trunk() *netem.Link { return s.origin.trunk }

// SetLinks changes what the links of an edge do.
func (s *Simulation) SetLinks(i int, down, up netem.Config) error {
	e := &s.edges[i]
	if err := errors.Join(e.down.Reconfigure(down), e.up.Reconfigure(up)); err != nil {
		return err
	}
	for c := range s.classes {
		for k, edge := range s.classes[c].edges {
			if edge == i {
				s.classes[c].edges = append(s.classes[c].edges[:k:k], s.classes[c].edges[k+1:]...)
				break
			}
		}
	}
	if e.plain = e.down.Plain() && s.cfg.Edges[i].Intake == 0; e.plain {
		s.classify(i)
	}
	return nil
}

// EdgeStats returns the counters of an edge over all its starts.
func (s *Simulation) EdgeStats(i int) receiver.Stats {
	e := &s.edges[i]
	if e.engine == nil {
		return e.earlier
	}
	stats := e.engine.Stats()
	sum := addReceiverStats(e.earlier, stats)
	sum.RTT = stats.RTT
	return sum
}

// SenderStats returns the counters of the origin over all its starts, and the bytes of feedback.
func (s *Simulation) SenderStats() (stats sender.Stats, feedback uint64) {
	stats = s.origin.earlier
	if s.origin.engine != nil {
		stats = addStats(stats, s.origin.engine.Stats())
	}
	return stats, s.uplink.bytes
}

// blockSet is the source blocks of an object that an edge has.
type blockSet []uint64

func (b *blockSet) add(sbn uint32) {
	for int(sbn/64) >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[sbn/64] |= 1 << (sbn % 64)
}

func (b blockSet) count() (n int) {
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// ranges returns the blocks as runs.
func (b blockSet) ranges() (runs []receiver.BlockRange) {
	for sbn := range uint32(64 * len(b)) {
		if b[sbn/64]&(1<<(sbn%64)) == 0 {
			continue
		}
		if n := len(runs); n > 0 && runs[n-1].SBN+runs[n-1].Count == sbn {
			runs[n-1].Count++
			continue
		}
		runs = append(runs, receiver.BlockRange{SBN: sbn, Count: 1})
	}
	return runs
}
