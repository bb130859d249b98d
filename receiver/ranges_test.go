package receiver

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRangesAgainstASet compares with the naive set, operation by operation.
func TestRangesAgainstASet(t *testing.T) {
	const size = 40
	rng := rand.New(rand.NewPCG(1, 1))
	for round := range 300 {
		var r ranges
		var naive [size]bool
		for range 100 {
			sbn := rng.Uint32N(size)
			switch rng.IntN(5) {
			case 0:
				if r.remove(sbn) != naive[sbn] {
					t.Fatalf("round %d: remove(%d)", round, sbn)
				}
				naive[sbn] = false
			case 1:
				more := []BlockRange{{sbn, rng.Uint32N(9)}, {rng.Uint32N(size), rng.Uint32N(3)}, {rng.Uint32(), rng.Uint32()}}
				if rng.IntN(10) > 0 {
					more = more[:2]
				}
				r.union(more, size)
				for _, m := range more {
					for i := uint64(m.SBN); i < min(uint64(m.SBN)+uint64(m.Count), size); i++ {
						naive[i] = true
					}
				}
			default:
				r.add(sbn)
				naive[sbn] = true
			}
			count := uint32(0)
			for i, want := range naive {
				if r.has(uint32(i)) != want {
					t.Fatalf("round %d: has(%d) is %v: %v", round, i, !want, r.runs)
				}
				if want {
					count++
				}
			}
			touching := slices.ContainsFunc(r.runs, func(a BlockRange) bool {
				return a.Count == 0 || slices.ContainsFunc(r.runs, func(b BlockRange) bool { return a.SBN+a.Count == b.SBN })
			})
			if r.count != count || touching {
				t.Fatalf("round %d: count %d, want %d; %v", round, r.count, count, r.runs)
			}
		}
	}
}
