package edges

import (
	"fmt"
	"slices"
	"time"

	"fanfare/fec"
	"fanfare/internal/api"
)

// maxTracked is of how many publications it is remembered when which edge served them.
const maxTracked = 128

// publication is a run of entries that one request appended.
type publication struct {
	first, last uint64
	at          time.Time
}

// Track begins to note when which edge serves the entries first to last.
func (t *Table) Track(first, last uint64, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.tracked) >= maxTracked {
		for _, e := range t.edges {
			delete(e.served, t.tracked[0].last)
		}
		t.tracked = slices.Delete(t.tracked, 0, 1)
	}
	t.tracked = append(t.tracked, publication{first, last, at})
}

// noteServed notes which publications the edge serves since its latest report.
func (t *Table) noteServed(now time.Time, e *edge) {
	for _, p := range t.tracked {
		if _, known := e.served[p.last]; !known && e.serves(p.first, p.last) {
			e.served[p.last] = now
		}
	}
}

// Receipt says which edges serve the entries first to last. size tells the OTI of the bundle
// that an entry publishes, false for an entry without one.
func (t *Table) Receipt(now time.Time, s api.Sequences, size func(sequence uint64) (fec.OTI, bool)) *api.Receipt {
	w := weigh(s, size)
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &api.Receipt{Sequences: s, Edges: []api.EdgeReceipt{}}
	var at time.Time
	for _, p := range t.tracked {
		if p.first <= s.Last && s.Last <= p.last {
			at = p.at
			r.Seconds = now.Sub(at).Seconds()
		}
	}
	for _, e := range t.sorted() {
		x := api.EdgeReceipt{Name: e.name, SilentSeconds: -1}
		if e.heard {
			x.SilentSeconds = now.Sub(e.last).Seconds()
		}
		if x.Served = e.serves(s.First, s.Last); x.Served {
			r.Served++
			x.Fraction = 1
			if served, ok := e.served[s.Last]; ok && !at.IsZero() {
				x.Seconds = served.Sub(at).Seconds()
			}
		} else {
			x.Fraction = e.fraction(w)
			x.Reason = e.reason(now, t.alive(now, e), s)
		}
		r.Edges = append(r.Edges, x)
	}
	r.Complete = r.Served == len(r.Edges)
	return r
}

// Serving returns how many expected edges serve the entries, and whether all do.
func (t *Table) Serving(s api.Sequences) (served int, all bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.edges {
		if e.serves(s.First, s.Last) {
			served++
		}
	}
	return served, served == len(t.edges)
}

// Lacking returns those of some entries that an edge which is alive does not serve.
func (t *Table) Lacking(now time.Time, sequences []uint64) (list []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, sequence := range sequences {
		for _, e := range t.edges {
			if t.alive(now, e) && !e.serves(sequence, sequence) {
				list = append(list, sequence)
				break
			}
		}
	}
	return list
}

// reason says why an edge does not serve the entries; empty if it only needs time.
func (e *edge) reason(now time.Time, alive bool, s api.Sequences) string {
	switch {
	case e.foreign:
		return "it follows another generation of this origin: give it the present session.ff and an empty directory"
	case e.stray:
		return "it follows a log that this origin does not have: fanfare status says more"
	case !e.heard:
		return "not heard since the origin was started; last seen " + e.last.Format(time.DateTime)
	case !alive:
		return fmt.Sprintf("silent for %v", now.Sub(e.last).Round(time.Second))
	}
	for _, f := range e.report.Failed {
		if s.First <= f.Sequence && f.Sequence <= s.Last {
			return f.Reason
		}
	}
	return ""
}

// weights says how much of a run of entries each of them is, by the bytes of the bundles that
// they publish. It is computed before the table of edges is locked: the loop waits for that.
type weights struct {
	first uint64
	// sums[i] is the weight of the first i entries.
	sums []float64
	size func(sequence uint64) (fec.OTI, bool)
}

// maxWeighed is of how many entries the weights are looked up.
const maxWeighed = 1 << 17

func weigh(s api.Sequences, size func(uint64) (fec.OTI, bool)) *weights {
	w := &weights{first: s.First, sums: make([]float64, 1, min(s.Last-s.First, maxWeighed)+2), size: size}
	if s.Last-s.First > maxWeighed {
		return w // of nothing
	}
	for sequence := s.First; sequence <= s.Last; sequence++ {
		oti, _ := size(sequence)
		w.sums = append(w.sums, w.sums[len(w.sums)-1]+float64(oti.TransferLength)+1) // an entry alone counts as something
	}
	return w
}

// of returns the weight of those of the entries that lie from one sequence to another, both included.
func (w *weights) of(from, to uint64) float64 {
	end := w.first + uint64(len(w.sums)) - 1
	from, to = max(from, w.first), min(to, end-1)
	if from > to {
		return 0
	}
	return w.sums[to+1-w.first] - w.sums[from-w.first]
}

// fraction returns which part of the bytes of the entries the edge has, as far as it told.
func (e *edge) fraction(w *weights) float64 {
	all := w.sums[len(w.sums)-1]
	if !e.heard || all == 0 {
		return 0
	}
	have := w.of(1, e.report.Complete)
	for _, r := range e.report.Done {
		have += w.of(max(r.From, e.report.Complete+1), r.To)
	}
	for sequence, blocks := range e.blocks { // of these it serves none
		oti, _ := w.size(sequence)
		if partition, err := oti.Partition(); err == nil && partition.Blocks() > 0 {
			have += w.of(sequence, sequence) * float64(min(blocks, partition.Blocks())) / float64(partition.Blocks())
		}
	}
	return min(have/all, 0.999)
}
