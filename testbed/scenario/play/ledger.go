package play

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"sync"

	"fanfare/testbed/scenario"
)

// ledger is what should be served: the newest version of every key that was published and not
// purged since; and which keys were purged. Many goroutines may read it.
type ledger struct {
	mu   sync.RWMutex
	live map[string]*object
	dead map[string]*object
	// order has the keys of dead, and of some that were, in the order in which they came.
	order []string
	// failing are the publications that an edge must fail to store.
	failing map[[2]string]bool
	// arrived has the edges that were seen to have a publication.
	arrived map[[2]string]bool
}

func newLedger(s *scenario.Scenario) *ledger {
	l := &ledger{live: map[string]*object{}, dead: map[string]*object{}, failing: map[[2]string]bool{}, arrived: map[[2]string]bool{}}
	for _, f := range s.Expect.Failures {
		l.failing[[2]string{f.Edge, f.Publication}] = true
	}
	return l
}

// publish puts objects in, or new versions of them.
func (l *ledger) publish(objects []*object) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range objects {
		l.live[o.key] = o
		delete(l.dead, o.key)
	}
}

// selected returns the live objects that a purge is about, in order of key, and the keys that it
// names if it names some.
//
// A key without host stands for the path at every host, and what is published without host is
// served at every one, so either of them meets the other.
func (l *ledger) selected(p *scenario.Purge) (found []*object, keys []string) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	hosts := map[string][]string{} // of the keys named, by path
	for _, o := range l.live {
		if p.Publication != "" && o.publication == p.Publication {
			hosts[o.path] = append(hosts[o.path], o.host)
			keys = append(keys, o.key)
		}
	}
	for _, o := range l.live {
		named := slices.ContainsFunc(hosts[o.path], func(host string) bool {
			return host == o.host || host == "" || o.host == ""
		})
		if named || p.All || p.Tag != "" && slices.Contains(o.tags, p.Tag) ||
			p.Prefix != "" && strings.HasPrefix(o.path, p.Prefix) {
			found = append(found, o)
		}
	}
	sortObjects(found)
	slices.Sort(keys)
	return found, keys
}

// purge takes objects out.
func (l *ledger) purge(objects []*object) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range objects {
		delete(l.live, o.key)
		l.dead[o.key] = o
		l.order = append(l.order, o.key)
	}
}

// arrive notes that an edge has a publication, or all that is left of it.
func (l *ledger) arrive(edge, publication string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrived[[2]string{edge, publication}] = true
}

func (l *ledger) hasArrived(edge, publication string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.arrived[[2]string{edge, publication}]
}

// alive and gone return what should and should not be served, in order of key.
func (l *ledger) alive() []*object {
	return l.list(l.live, func(*object) bool { return true })
}

func (l *ledger) gone() []*object { return l.list(l.dead, l.refused) }

func (l *ledger) list(m map[string]*object, wanted func(*object) bool) []*object {
	l.mu.RLock()
	defer l.mu.RUnlock()
	list := make([]*object, 0, len(m))
	for _, o := range m {
		if wanted(o) {
			list = append(list, o)
		}
	}
	sortObjects(list)
	return list
}

// refused reports whether a purged key is to be answered with nothing: not if the same path is
// published for every host. The caller holds the lock.
func (l *ledger) refused(o *object) bool { return o.host == "" || l.live[o.path] == nil }

// isGone reports whether a key is purged at this moment.
func (l *ledger) isGone(key string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	o := l.dead[key]
	return o != nil && l.refused(o)
}

// find returns a live object.
func (l *ledger) find(key string) *object {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.live[key]
}

// anyGone returns a purged object at random, nil if there is none.
func (l *ledger) anyGone(rng *rand.Rand) *object {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if len(l.order) == 0 {
		return nil
	}
	// What was purged before and published again since is no longer in dead.
	o := l.dead[l.order[rng.IntN(len(l.order))]]
	if o == nil || !l.refused(o) {
		return nil
	}
	return o
}

func sortObjects(list []*object) {
	sort.Slice(list, func(i, j int) bool { return list[i].key < list[j].key })
}

// objectsOf returns the files of a publication. Their content depends on the seed and on the
// publication, so every version of a key has its own.
func objectsOf(p *scenario.Publish, seed uint64) []*object {
	var list []*object
	for i := range p.Files {
		o := &object{host: p.Host, path: p.Path, size: int64(p.Size), publication: p.Name}
		o.tags = append([]string{p.Name}, p.Tags...)
		if p.Files > 1 {
			o.name = fmt.Sprintf("%05d", i)
			o.path = strings.TrimSuffix(p.Path, "/") + "/" + o.name
		}
		o.key = o.path
		if p.Host != "" {
			o.key = "//" + p.Host + o.path
		}
		binary.BigEndian.PutUint64(o.seed[:], seed)
		binary.BigEndian.PutUint64(o.seed[8:], uint64(i))
		copy(o.seed[16:], p.Name)
		for j := 16; j < len(p.Name); j++ {
			o.seed[16+j%16] = o.seed[16+j%16]*31 + p.Name[j]
		}
		list = append(list, o)
	}
	return list
}

// content returns the bytes of an object.
func (o *object) content() io.Reader {
	return io.LimitReader(rand.NewChaCha8(o.seed), o.size)
}
