package report

import (
	"slices"
	"time"
)

// Comparison is what one `fanfare testbed compare` measured: the same work done by several
// systems over the same links.
type Comparison struct {
	Started time.Time `json:"started"`
	// Seconds is how long all of it took.
	Seconds float64 `json:"seconds"`
	// Machine and Bed say in a sentence each what it ran on and over.
	Machine string `json:"machine"`
	Bed     string `json:"bed"`
	// Edges is how many receivers there were, Rounds how often everything was run.
	Edges  int `json:"edges"`
	Rounds int `json:"rounds"`
	// Systems are all that were asked for, those that are missing included.
	Systems []System `json:"systems"`
	Works   []Work   `json:"works"`
	// Losses are the shares of packets that were lost, 0 to 1.
	Losses []float64 `json:"losses"`
	// Cells are in the order of work, loss and system.
	Cells []Cell `json:"cells"`
	// Notes are what a reader must know beside the numbers.
	Notes []string `json:"notes,omitempty"`
}

// System is one of those compared.
type System struct {
	Name string `json:"name"`
	// About says what it is and how it was run.
	About string `json:"about"`
	// Own marks the system that the others are the peers of.
	Own bool `json:"own,omitempty"`
	// Multicast says that it sends once for all edges.
	Multicast bool `json:"multicast"`
	// Missing says why it was not run, and how to get it; empty if it was.
	Missing string `json:"missing,omitempty"`
}

// Work is what had to be brought to every edge.
type Work struct {
	Name  string `json:"name"`
	About string `json:"about"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
	// Latency says that the time matters and not the goodput.
	Latency bool `json:"latency,omitempty"`
}

// Cell is one system at one work and one loss.
type Cell struct {
	Work   string     `json:"work"`
	Loss   float64    `json:"loss"`
	System string     `json:"system"`
	Runs   []Transfer `json:"runs"`
}

// Transfer is one run.
type Transfer struct {
	// OK says that every file was at every edge in time, byte for byte; if not, Reason says why.
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"`
	// Seconds is from the start of the publishing command until the last edge had all.
	Seconds float64 `json:"seconds"`
	// WireBytes left the origin, FeedbackBytes all edges together, link headers included,
	// until the publishing command had ended.
	WireBytes     uint64 `json:"wire_bytes"`
	FeedbackBytes uint64 `json:"feedback_bytes"`
	// OriginCPU and EdgeCPU are seconds of processor time, user and system, of the processes
	// at the origin and of those of one edge on average, while the work was done.
	OriginCPU float64 `json:"origin_cpu"`
	EdgeCPU   float64 `json:"edge_cpu"`
}

// Spread is what several runs measured.
type Spread struct{ Median, Min, Max float64 }

// Of returns the spread of one quantity over the runs that were OK, and how many those are.
func (c *Cell) Of(quantity func(Transfer) float64) (s Spread, n int) {
	var values []float64
	for _, t := range c.Runs {
		if t.OK {
			values = append(values, quantity(t))
		}
	}
	if len(values) == 0 {
		return Spread{}, 0
	}
	slices.Sort(values)
	n = len(values)
	return Spread{Median: (values[(n-1)/2] + values[n/2]) / 2, Min: values[0], Max: values[n-1]}, n
}

// Seconds is the quantity that decides who is best.
func Seconds(t Transfer) float64 { return t.Seconds }

// Cell returns the cell of that work, loss and system, nil if there is none.
func (c *Comparison) Cell(work string, loss float64, system string) *Cell {
	for i := range c.Cells {
		if cell := &c.Cells[i]; cell.Work == work && cell.Loss == loss && cell.System == system {
			return cell
		}
	}
	return nil
}

// Against is how the own system did against the best of some peers.
type Against struct {
	Peer string
	// Times is how many times faster the own one was, by the medians of the seconds.
	Times float64
}

// BestPeer compares the own system with the fastest of the others, or of those that use
// multicast. It returns false if either did not finish a run.
func (c *Comparison) BestPeer(work string, loss float64, multicastOnly bool) (best Against, ok bool) {
	var own float64
	var peer float64
	for _, s := range c.Systems {
		cell := c.Cell(work, loss, s.Name)
		if cell == nil {
			continue
		}
		seconds, n := cell.Of(Seconds)
		switch {
		case n == 0:
		case s.Own:
			own = seconds.Median
		case multicastOnly && !s.Multicast:
		case peer == 0 || seconds.Median < peer:
			peer, best.Peer = seconds.Median, s.Name
		}
	}
	if own <= 0 || peer <= 0 {
		return Against{}, false
	}
	best.Times = peer / own
	return best, true
}
