package receiver

import (
	"slices"
	"sort"
)

// ranges is a set of block numbers, kept as runs in ascending order, none of which touch.
type ranges struct {
	runs  []BlockRange
	count uint32 // how many numbers are in the set
	// total counts the runs of many sets, this one among them; nil: nobody counts.
	total *int
}

// resized notes that there were so many runs before.
func (r *ranges) resized(before int) {
	if r.total != nil {
		*r.total += len(r.runs) - before
	}
}

// leave has the set counted no longer.
func (r *ranges) leave() {
	if r.total != nil {
		*r.total -= len(r.runs)
		r.total = nil
	}
}

// after returns the index of the first run that begins above sbn.
func (r *ranges) after(sbn uint32) int {
	if n := len(r.runs); n == 0 || r.runs[n-1].SBN <= sbn {
		return n
	}
	return sort.Search(len(r.runs), func(i int) bool { return r.runs[i].SBN > sbn })
}

// has reports whether sbn is in the set.
func (r *ranges) has(sbn uint32) bool {
	i := r.after(sbn)
	return i > 0 && sbn-r.runs[i-1].SBN < r.runs[i-1].Count
}

// add puts sbn into the set.
func (r *ranges) add(sbn uint32) {
	i := r.after(sbn)
	joinsLeft := false
	if i > 0 {
		left := r.runs[i-1]
		if sbn-left.SBN < left.Count {
			return
		}
		joinsLeft = left.SBN+left.Count == sbn
	}
	r.count++
	defer r.resized(len(r.runs))
	joinsRight := i < len(r.runs) && r.runs[i].SBN == sbn+1
	switch {
	case joinsLeft && joinsRight:
		r.runs[i-1].Count += 1 + r.runs[i].Count
		r.runs = slices.Delete(r.runs, i, i+1)
	case joinsLeft:
		r.runs[i-1].Count++
	case joinsRight:
		r.runs[i].SBN--
		r.runs[i].Count++
	default:
		r.runs = slices.Insert(r.runs, i, BlockRange{SBN: sbn, Count: 1})
	}
}

// remove takes sbn out of the set and reports whether it was in it.
func (r *ranges) remove(sbn uint32) bool {
	i := r.after(sbn) - 1
	if i < 0 || sbn-r.runs[i].SBN >= r.runs[i].Count {
		return false
	}
	r.count--
	defer r.resized(len(r.runs))
	run := r.runs[i]
	left := BlockRange{SBN: run.SBN, Count: sbn - run.SBN}
	right := BlockRange{SBN: sbn + 1, Count: run.SBN + run.Count - sbn - 1}
	var parts []BlockRange
	for _, p := range []BlockRange{left, right} {
		if p.Count > 0 {
			parts = append(parts, p)
		}
	}
	r.runs = slices.Replace(r.runs, i, i+1, parts...)
	return true
}

// subtract takes all numbers of other out of the set.
func (r *ranges) subtract(other *ranges) {
	for _, run := range slices.Clone(r.runs) {
		for sbn := run.SBN; sbn-run.SBN < run.Count; sbn++ {
			if other.has(sbn) {
				r.remove(sbn)
			}
		}
	}
}

// union puts all numbers of the given runs that are below end into the set.
func (r *ranges) union(more []BlockRange, end uint32) {
	defer r.resized(len(r.runs))
	all := slices.Clone(r.runs)
	for _, m := range more {
		if m.SBN < end && m.Count > 0 {
			all = append(all, BlockRange{SBN: m.SBN, Count: min(m.Count, end-m.SBN)})
		}
	}
	slices.SortFunc(all, func(a, b BlockRange) int {
		switch {
		case a.SBN < b.SBN:
			return -1
		case a.SBN > b.SBN:
			return 1
		}
		return 0
	})
	r.runs, r.count = nil, 0
	for _, m := range all {
		if n := len(r.runs); n > 0 {
			last := &r.runs[n-1]
			if end := last.SBN + last.Count; m.SBN <= end {
				if more := m.SBN + m.Count; more > end {
					last.Count += more - end
					r.count += more - end
				}
				continue
			}
		}
		r.runs = append(r.runs, m)
		r.count += m.Count
	}
}
