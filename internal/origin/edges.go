package origin

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"fanfare/control"
	"fanfare/internal/wire"
)

const (
	// aliveFor is how long after its last feedback an edge counts as alive, at least.
	aliveFor = 10 * time.Second
	// maxEdges is how many edges are expected at most; the reports of others are counted.
	maxEdges = 65_536
	// maxProgress is of how many bundles on their way to one edge it is remembered how far they are.
	maxProgress = 256
	// savedEvery is how often the time when an edge was last seen is stored.
	savedEvery = time.Minute
)

// edge is an expected edge.
type edge struct {
	id      uint64
	name    string
	first   time.Time // seen
	last    time.Time // seen, at whatever start of the origin
	saved   time.Time // last, as stored
	counter uint64    // of its latest feedback
	// heard says that it was seen since the origin's start; before that the report is empty.
	// silentTold says that the log has told since that it is not heard any more.
	heard, silentTold bool

	foreign bool // its reports are of another generation
	// foreignTold says that the log has told so.
	foreignTold bool
	// stray says that its reports are of a log that this origin does not have, strayTold that the log
	// of this process has told so.
	stray, strayTold bool
	// awaited says that it was expected at the start, and has not told yet that it follows the log.
	awaited bool
	rtt     time.Duration
	// demoted says that the sender does not answer its NACKs.
	demoted bool
	report  wire.Report
	// blocks has how many source blocks of a bundle the edge had, at most, of those that are not
	// in force there yet: a bundle that is being made durable is in no report.
	blocks map[uint64]uint32
	// served has the publications of edgeTable.tracked that it serves, and since when.
	served map[uint64]time.Time
}

// serves reports whether the edge serves all entries from first to last.
func (e *edge) serves(first, last uint64) bool {
	if e.report.Complete >= last {
		return true
	}
	first = max(first, e.report.Complete+1)
	for _, r := range e.report.Done {
		if r.From <= first && first <= r.To {
			if r.To >= last {
				return true
			}
			first = r.To + 1
		}
	}
	return false
}

// noteProgress keeps what the latest report says of bundles on their way.
func (e *edge) noteProgress() {
	for sequence := range e.blocks {
		if e.serves(sequence, sequence) {
			delete(e.blocks, sequence)
		}
	}
	for _, p := range e.report.Progress {
		if _, known := e.blocks[p.Sequence]; known || len(e.blocks) < maxProgress {
			e.blocks[p.Sequence] = max(e.blocks[p.Sequence], p.Blocks)
		}
	}
}

// edgeTable is the expected edges: all that were ever heard and not forgotten. The loop
// writes it, everybody reads it.
type edgeTable struct {
	log        *slog.Logger
	generation control.Generation

	mu sync.Mutex
	// lifetime is how long the sender's engine holds an edge for live.
	lifetime time.Duration
	edges    map[uint64]*edge
	tracked  []publication
	changed  chan struct{} // closed at the next change
	unsaved  map[uint64]struct{}
	forgot   []uint64 // still stored
	newcomer chan struct{}
	refused  uint64 // reports of edges beyond maxEdges
	foreign  uint64 // reports of another generation
	// awaited is how many edges are; allTold is called when none is any more.
	awaited int
	allTold func()
}

// newEdgeTable returns the table of an origin at its start, which expects the edges saved. allTold is
// called, at most once, when all of them have told that they follow the log, or are forgotten.
func newEdgeTable(generation control.Generation, saved map[uint64]savedEdge, allTold func(), log *slog.Logger) *edgeTable {
	t := &edgeTable{
		log: log, generation: generation, edges: make(map[uint64]*edge), changed: make(chan struct{}),
		unsaved: make(map[uint64]struct{}), newcomer: make(chan struct{}, 1),
		awaited: len(saved), allTold: allTold,
	}
	for id, s := range saved {
		t.edges[id] = &edge{
			id: id, name: s.Name, first: s.FirstSeen, last: s.LastSeen, saved: s.LastSeen, awaited: true,
			served: make(map[uint64]time.Time), blocks: make(map[uint64]uint32),
		}
	}
	return t
}

// heard takes one feedback message, how its sender stands to the log, and how long the sender's
// engine holds an edge for live. It keeps nothing of the message.
func (t *edgeTable) heard(now time.Time, f *wire.Feedback, stands standing, rtt, lifetime time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lifetime = lifetime
	e := t.edges[f.Edge]
	if e != nil {
		if f.Counter <= e.counter && e.heard && t.alive(now, e) {
			return // overtaken by a newer one, or played again
		}
		e.counter = f.Counter
	}
	if f.Report == nil {
		if e != nil {
			e.last, e.rtt = now, rtt
		}
		return
	}
	f.Report.Name = printable(f.Report.Name)
	if e == nil {
		if e = t.join(now, f); e == nil {
			t.refused++
			return
		}
	}
	if e.heard && !t.alive(now, e) {
		t.log.Info("edge is back", "edge", e.name, "silent", now.Sub(e.last).Round(time.Second))
	}
	e.last, e.rtt, e.heard, e.silentTold = now, rtt, true, false
	if now.Sub(e.saved) > savedEvery || e.name != f.Report.Name {
		t.unsaved[e.id] = struct{}{}
	}
	if generation := (control.Generation{Order: f.Report.GenerationOrder, Random: f.Report.GenerationRandom}); generation != t.generation {
		t.foreign++
		e.foreign = true
		if !e.foreignTold {
			e.foreignTold = true
			t.log.Warn("edge follows another generation of this origin", "edge", f.Report.Name, "generation", generation)
		}
		t.void(e)
		return
	}
	e.foreign = false
	if e.stray = stands == strays; e.stray {
		if !e.strayTold {
			e.strayTold = true
			t.log.Warn("edge follows a log that this origin does not have", "edge", f.Report.Name, "mark", f.Report.Mark)
		}
		t.void(e)
		return
	}
	if stands == follows {
		t.told(e)
	}
	copyReport(&e.report, f.Report)
	e.name = e.report.Name
	t.noteServed(now, e)
	e.noteProgress()
	t.change()
}

// void takes note that an edge's report says nothing about this log.
func (t *edgeTable) void(e *edge) {
	e.report = wire.Report{}
	clear(e.blocks)
	t.change()
}

// told takes note that an edge need not be awaited any more.
func (t *edgeTable) told(e *edge) {
	if !e.awaited {
		return
	}
	e.awaited = false
	if t.awaited--; t.awaited == 0 {
		t.allTold()
	}
}

// join makes the sender of a report an expected edge; nil if there are too many.
func (t *edgeTable) join(now time.Time, f *wire.Feedback) *edge {
	if len(t.edges) >= maxEdges {
		return nil
	}
	e := &edge{id: f.Edge, name: f.Report.Name, counter: f.Counter, first: now, served: make(map[uint64]time.Time), blocks: make(map[uint64]uint32)}
	t.edges[f.Edge] = e
	t.unsaved[f.Edge] = struct{}{}
	select {
	case t.newcomer <- struct{}{}:
	default:
	}
	t.log.Info("new edge", "edge", e.name, "id", hex(e.id))
	return e
}

// tidy drops edges that others have replaced, and has the log tell of those that fell silent.
func (t *edgeTable) tidy(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.replace(now)
	t.tellSilent(now)
}

// replace drops every silent edge whose place one of its name has taken since it was last heard:
// an edge that lost its directory comes with a new id. (Two that were heard at the same time are
// two machines, and both are expected.)
func (t *edgeTable) replace(now time.Time) {
	newest := make(map[string]*edge, len(t.edges)) // by name, of those alive
	for _, e := range t.edges {
		if other := newest[e.name]; t.alive(now, e) && (other == nil || e.first.After(other.first)) {
			newest[e.name] = e
		}
	}
	for id, e := range t.edges {
		if other := newest[e.name]; other != nil && !t.alive(now, e) && other.first.After(e.last) {
			t.log.Info("edge has a new identity", "edge", e.name, "old", hex(id))
			t.drop(id)
		}
	}
}

// alive reports whether an edge was heard of lately.
func (t *edgeTable) alive(now time.Time, e *edge) bool {
	return e.heard && now.Sub(e.last) <= max(aliveFor, t.lifetime)
}

// change tells those who wait that something is new.
func (t *edgeTable) change() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// newcomers returns a channel that has something when an edge is new, and is to be saved at once.
func (t *edgeTable) newcomers() <-chan struct{} { return t.newcomer }

// changes returns a channel that is closed at the next change.
func (t *edgeTable) changes() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changed
}

// drop forgets one edge.
func (t *edgeTable) drop(id uint64) {
	t.told(t.edges[id])
	delete(t.edges, id)
	delete(t.unsaved, id)
	t.forgot = append(t.forgot, id)
	t.change()
}

// forget makes the edge of a name, or of an id in hexadecimal, unexpected. It returns the ids of
// those that are meant, ascending: if there is more than one, none is forgotten.
func (t *edgeTable) forget(name string) (meant []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var last uint64
	for id, e := range t.edges {
		if e.name == name || hex(id) == name {
			last, meant = id, append(meant, hex(id))
		}
	}
	slices.Sort(meant)
	if len(meant) == 1 {
		t.drop(last)
	}
	return meant
}

// hex writes an edge's id as people see it.
func hex(id uint64) string { return fmt.Sprintf("%016x", id) }

// count returns how many edges are expected.
func (t *edgeTable) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.edges)
}

// lossPercentile returns the loss in packets per million that so many percent of the live edges
// that are not demoted do not exceed.
func (t *edgeTable) lossPercentile(now time.Time, percent int) uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	var losses []uint32
	for _, e := range t.edges {
		if t.alive(now, e) && !e.demoted {
			losses = append(losses, e.report.LossPPM)
		}
	}
	if len(losses) == 0 {
		return 0
	}
	slices.Sort(losses)
	return losses[(len(losses)*percent+99)/100-1]
}

// takeUnsaved returns what is to be stored, and stored no longer.
func (t *edgeTable) takeUnsaved() (save map[uint64]savedEdge, forget []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	save = make(map[uint64]savedEdge, len(t.unsaved))
	for id := range t.unsaved {
		e := t.edges[id]
		e.saved = e.last
		save[id] = savedEdge{Name: e.name, FirstSeen: e.first, LastSeen: e.last}
	}
	clear(t.unsaved)
	forget, t.forgot = t.forgot, nil
	return save, forget
}

// saveAll marks every edge heard as to be stored, for the end.
func (t *edgeTable) saveAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, e := range t.edges {
		if e.heard {
			t.unsaved[id] = struct{}{}
		}
	}
}

// sorted returns the edges, by name.
func (t *edgeTable) sorted() []*edge {
	return slices.SortedFunc(maps.Values(t.edges), func(a, b *edge) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id))
	})
}

// printable returns a text from the network as it may be shown on a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// copyReport copies r into dst, whose slices are used again.
func copyReport(dst, r *wire.Report) {
	done, failed, progress := dst.Done[:0], dst.Failed[:0], dst.Progress[:0]
	*dst = *r
	dst.Done = append(done, r.Done...)
	dst.Failed = append(failed, r.Failed...)
	dst.Progress = append(progress, r.Progress...)
	for i := range dst.Failed {
		dst.Failed[i].Reason = printable(dst.Failed[i].Reason)
	}
}
