package edges

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"fanfare/control"
	"fanfare/internal/wire"
)

const (
	// aliveFor is how long after its last feedback an edge counts as alive, at least.
	aliveFor = 10 * time.Second
	// maxEdges is how many edges are expected at most; the reports of others are counted.
	maxEdges = 65_536
	// savedEvery is how often the time when an edge was last seen is stored.
	savedEvery = time.Minute
)

// Saved is what the log keeps of an expected edge.
type Saved struct {
	Name      string    `json:"name"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

// Table is the expected edges: all that were ever heard and not forgotten. It may be used by many
// goroutines.
type Table struct {
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

// New returns the table of an origin at its start, which expects the edges saved. allTold is
// called, at most once, when all of them have told that they follow the log, or are forgotten.
func New(generation control.Generation, saved map[uint64]Saved, allTold func(), log *slog.Logger) *Table {
	t := &Table{
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

// Heard takes one feedback message, how its sender stands to the log, and how long the sender's
// engine holds an edge for live. It keeps nothing of the message.
func (t *Table) Heard(now time.Time, f *wire.Feedback, stands Standing, rtt, lifetime time.Duration) {
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
	e.recent.note(now, f.Report)
	e.newest = 0
	if now.Sub(e.saved) > savedEvery || e.name != f.Report.Name {
		t.unsaved[e.id] = struct{}{}
	}
	if !t.follows(e, f.Report, stands) {
		return
	}
	copyReport(&e.report, f.Report)
	e.name = e.report.Name
	t.noteServed(now, e)
	e.noteProgress()
	t.change()
}

// follows reports whether a report is of this log, takes note if it is of another, and has the log tell
// so once.
func (t *Table) follows(e *edge, r *wire.Report, stands Standing) bool {
	generation := control.Generation{Order: r.GenerationOrder, Random: r.GenerationRandom}
	if e.foreign = generation != t.generation; e.foreign {
		t.foreign++
		if !e.foreignTold {
			e.foreignTold = true
			t.log.Warn("edge follows another generation of this origin", "edge", r.Name, "generation", generation)
		}
		t.void(e)
		return false
	}
	if stands == Unjudged {
		return false // what it said before stands
	}
	if stands != Follows {
		e.newest = max(r.Newest, r.Mark)
	}
	if e.stray = stands == Strays; e.stray {
		if !e.strayTold {
			e.strayTold = true
			t.log.Warn("edge follows a log that this origin does not have", "edge", r.Name, "mark", r.Mark)
		}
		t.void(e)
		return false
	}
	if stands == Follows {
		t.told(e)
	}
	return true
}

// void takes note that an edge's report says nothing about this log.
func (t *Table) void(e *edge) {
	e.report = wire.Report{}
	clear(e.blocks)
	t.change()
}

// told takes note that an edge need not be awaited any more.
func (t *Table) told(e *edge) {
	if !e.awaited {
		return
	}
	e.awaited = false
	if t.awaited--; t.awaited == 0 {
		t.allTold()
	}
}

// join makes the sender of a report an expected edge; nil if there are too many.
func (t *Table) join(now time.Time, f *wire.Feedback) *edge {
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

// Tidy drops edges that others have replaced, and has the log tell of those that fell silent.
func (t *Table) Tidy(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.replace(now)
	t.tellSilent(now)
}

// replace drops every silent edge whose place one of its name has taken since it was last heard:
// an edge that lost its directory comes with a new id. (Two that were heard at the same time are
// two machines, and both are expected.)
func (t *Table) replace(now time.Time) {
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
func (t *Table) alive(now time.Time, e *edge) bool {
	return e.heard && now.Sub(e.last) <= max(aliveFor, t.lifetime)
}

// change tells those who wait that something is new.
func (t *Table) change() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// Newcomers returns a channel that has something when an edge is new, and is to be saved at once.
func (t *Table) Newcomers() <-chan struct{} { return t.newcomer }

// Changes returns a channel that is closed at the next change.
func (t *Table) Changes() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changed
}

// drop forgets one edge.
func (t *Table) drop(id uint64) {
	t.told(t.edges[id])
	delete(t.edges, id)
	delete(t.unsaved, id)
	t.forgot = append(t.forgot, id)
	t.change()
}

// Forget makes the edge of a name, or of an id in hexadecimal, unexpected. It returns the ids of
// those that are meant, ascending: if there is more than one, none is forgotten.
func (t *Table) Forget(name string) (meant []string) {
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

// Count returns how many edges are expected.
func (t *Table) Count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.edges)
}

// LossPercentile returns the loss in packets per million that so many percent of the live edges
// that are not demoted do not exceed.
func (t *Table) LossPercentile(now time.Time, percent int) uint32 {
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

// TakeUnsaved returns what is to be stored, and stored no longer.
func (t *Table) TakeUnsaved() (save map[uint64]Saved, forget []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	save = make(map[uint64]Saved, len(t.unsaved))
	for id := range t.unsaved {
		e := t.edges[id]
		e.saved = e.last
		save[id] = Saved{Name: e.name, FirstSeen: e.first, LastSeen: e.last}
	}
	clear(t.unsaved)
	forget, t.forgot = t.forgot, nil
	return save, forget
}

// SaveAll marks every edge heard as to be stored, for the end.
func (t *Table) SaveAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, e := range t.edges {
		if e.heard {
			t.unsaved[id] = struct{}{}
		}
	}
}

// sorted returns the edges, by name.
func (t *Table) sorted() []*edge {
	return slices.SortedFunc(maps.Values(t.edges), byName)
}

// byName orders edges of the same name by their ids.
func byName(a, b *edge) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id)) }
