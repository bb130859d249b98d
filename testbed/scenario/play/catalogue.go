package play

import (
	"context"
	"fmt"
	"time"

	"fanfare/control"
	"fanfare/testbed/scenario"
)

const (
	// bundleAlone, bundleBytes and bundleObjects are how the origin makes bundles of objects.
	bundleAlone   = 1 << 20
	bundleBytes   = 4 << 20
	bundleObjects = 4096
	// selectorsPerEntry is how many keys of the length that they have here fit into one entry.
	selectorsPerEntry = 40
)

// bundles gathers objects as the origin does.
func bundles(objects []*object) (list [][]*object) {
	var gathered []*object
	var bytes int64
	flush := func() {
		if len(gathered) > 0 {
			list = append(list, gathered)
		}
		gathered, bytes = nil, 0
	}
	for _, o := range objects {
		if o.size >= bundleAlone {
			list = append(list, []*object{o})
			continue
		}
		if bytes+o.size > bundleBytes || len(gathered) == bundleObjects {
			flush()
		}
		gathered, bytes = append(gathered, o), bytes+o.size
	}
	flush()
	return list
}

// contentObjects are the objects of a bundle as a catalogue has them. There are no bodies, so the
// digest is one of what they would be made from.
func contentObjects(objects []*object) ([]control.Object, error) {
	list := make([]control.Object, len(objects))
	for i, o := range objects {
		key, err := control.ParseKey(o.key)
		if err != nil {
			return nil, err
		}
		list[i] = control.Object{Key: key, Length: uint64(o.size), Digest: control.Sum(o.seed[:]), Tags: o.tags}
	}
	return list, nil
}

// purgeEntries are the entries of a purge.
func purgeEntries(p *scenario.Purge, keys []string) (list []control.Entry, err error) {
	var selectors []control.Selector
	switch {
	case p.All:
		selectors = []control.Selector{{Kind: control.SelectAll}}
	case p.Tag != "":
		selectors = []control.Selector{{Kind: control.SelectTag, Tag: p.Tag}}
	case p.Prefix != "":
		selectors = []control.Selector{{Kind: control.SelectPrefix, Key: control.Key{Path: p.Prefix}}}
	}
	for _, text := range keys {
		key, err := control.ParseKey(text)
		if err != nil {
			return nil, err
		}
		selectors = append(selectors, control.Selector{Kind: control.SelectKey, Key: key})
	}
	for len(selectors) > 0 {
		n := min(selectorsPerEntry, len(selectors))
		list = append(list, control.Entry{Kind: control.KindPurge, Purge: selectors[:n]})
		selectors = selectors[n:]
	}
	return list, nil
}

// simEdge is what arrived at an edge, and when: entries, and all that belongs to them.
type simEdge struct{ applied, served map[uint64]time.Duration }

// collect notes what arrived, and asks each edge that got something for purged keys.
func (b *simBed) collect() error {
	touched := make(map[int]bool)
	for _, a := range b.sim.Arrivals() {
		list := b.edges[a.Edge].served
		if a.Entry {
			list = b.edges[a.Edge].applied
		}
		if _, known := list[a.Sequence]; !known {
			list[a.Sequence] = a.At
		}
		touched[a.Edge] = true
	}
	if len(touched) == 0 {
		return nil
	}
	if gone := b.ledger.gone(); len(gone) > 0 {
		for i := range b.edges {
			if touched[i] {
				b.ask(i, gone)
			}
		}
	}
	return nil
}

// ask asks an edge that has the whole log for some purged keys, other ones each time.
func (b *simBed) ask(i int, gone []*object) {
	const some = 8
	if mark, _ := b.sim.Catalogue(i).Mark(); mark != b.head {
		return
	}
	for n := range min(some, len(gone)) {
		b.refuses(i, gone[(b.asked+n)%len(gone)])
	}
}

// refuses notes if an edge would serve a purged object.
func (b *simBed) refuses(i int, o *object) {
	b.asked++
	if _, answer := b.lookup(i, o); answer >= control.Incomplete {
		b.gone = append(b.gone, fmt.Sprintf("%s: %s was purged: %v", b.s.Topology.Edges[i].Name, o.key, answer))
	}
}

func (b *simBed) lookup(i int, o *object) (control.Row, control.Answer) {
	key, err := control.ParseKey(o.key)
	if err != nil {
		return control.Row{}, control.Absent
	}
	return b.sim.Catalogue(i).LookupRequest(key)
}

func (b *simBed) behind(context.Context) ([]string, error) {
	lacking := make([]string, len(b.edges))
	for i := range b.edges {
		missing := 0
		for sequence := uint64(1); sequence <= b.head; sequence++ {
			if b.sim.Fraction(i, sequence) < 1 {
				missing++
			}
		}
		if mark, _ := b.sim.Catalogue(i).Mark(); mark < b.head || missing > 0 {
			lacking[i] = fmt.Sprintf("knows the log up to %d of %d and lacks %d entries or bundles", mark, b.head, missing)
		}
	}
	return lacking, nil
}

func (b *simBed) verify(_ context.Context, l *ledger) (*findings, error) {
	result, err := b.sim.RunOn(0)
	if err != nil {
		return nil, err
	}
	f := &findings{}
	live, gone := l.alive(), l.gone()
	for i := range b.edges {
		if !b.up[i] || b.cut[i] {
			continue
		}
		name := b.s.Topology.Edges[i].Name
		f.digests++
		if mark, _ := b.sim.Catalogue(i).Mark(); mark != b.head {
			f.digest = append(f.digest, fmt.Sprintf("%s at %d of %d", name, mark, b.head))
		}
		for _, o := range live {
			f.answers++
			row, answer := b.lookup(i, o)
			if answer != control.Found || row.Digest != control.Sum(o.seed[:]) {
				f.differ = append(f.differ, fmt.Sprintf("%s: %s: %v, version %d", name, o.key, answer, row.Version))
			}
		}
		for _, o := range gone {
			b.refuses(i, o)
		}
	}
	f.refusals, f.purged = b.asked, b.gone
	b.asked, b.gone = 0, nil
	if n := result.Log.DigestsDiffer; n > 0 {
		f.digest = append(f.digest, fmt.Sprintf("%d times after an entry was folded", n))
	}
	if n := result.Log.PurgedServed; n > 0 {
		f.purged = append(f.purged, fmt.Sprintf("%d answers on the way", n))
	}
	return f, nil
}
