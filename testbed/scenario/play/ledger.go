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
}

func newLedger(s *scenario.Scenario) *ledger {
	l := &ledger{live: map[string]*object{}, dead: map[string]*object{}, failing: map[[2]string]bool{}}
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

// selected returns the live objects that a purge is about, in order of key.
func (l *ledger) selected(p *scenario.Purge) []*object {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var found []*object
	for _, o := range l.live {
		switch {
		case p.All,
			p.Publication != "" && o.publication == p.Publication,
			p.Tag != "" && slices.Contains(o.tags, p.Tag),
			p.Prefix != "" && strings.HasPrefix(o.path, p.Prefix):
			found = append(found, o)
		}
	}
	sortObjects(found)
	return found
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

// alive and gone return what should and should not be served, in order of key.
func (l *ledger) alive() []*object { return l.list(l.live) }
func (l *ledger) gone() []*object  { return l.list(l.dead) }

func (l *ledger) list(m map[string]*object) []*object {
	l.mu.RLock()
	defer l.mu.RUnlock()
	list := make([]*object, 0, len(m))
	for _, o := range m {
		list = append(list, o)
	}
	sortObjects(list)
	return list
}

// isGone reports whether a key is purged at this moment.
func (l *ledger) isGone(key string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.dead[key] != nil
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
	return l.dead[l.order[rng.IntN(len(l.order))]]
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
