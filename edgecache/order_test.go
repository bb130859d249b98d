package edgecache

import (
	"math/rand/v2"
	"testing"
)

// TestAnyOrder brings entries and bundles in any order, with restarts in between: in the end the
// state is that of an edge that had them one after the other.
func TestAnyOrder(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 7))
		o, h := newHistory(t, seed, 30)
		straight := openEdge(t, o, o.config(t.TempDir()))
		straight.play(h, func(uint64) {})
		want := straight.State()

		e := openEdge(t, o, o.config(t.TempDir()))
		var later []*made // bundles whose entries came first
		for _, i := range rng.Perm(len(h)) {
			m := h[i]
			switch {
			case m.entry.Publish == nil:
			case rng.IntN(3) == 0: // the bundle comes first
				e.blocks(m)
			case rng.IntN(2) == 0: // much later
				later = append(later, m)
				e.apply(m)
				continue
			}
			e.apply(m)
			if m.entry.Publish != nil {
				if err := e.bringRest(m); err != nil {
					t.Fatal(err)
				}
			}
			if rng.IntN(4) == 0 {
				e.reopen()
			}
		}
		for _, m := range later {
			if err := e.bringRest(m); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			got := e.State()
			if got.Mark != want.Mark || got.Digest != want.Digest || got.Complete != want.Complete || len(got.Done) > 0 {
				t.Fatalf("seed %d: %+v, want %+v", seed, got, want)
			}
			e.check(h, uint64(len(h)))
			checkSigned(t, e, h[len(h)-1])
			if s, w := e.Stats(), straight.Stats(); s.Bytes != w.Bytes || s.Bundles != w.Bundles {
				t.Errorf("seed %d: %d bytes in %d bundles, want %d in %d", seed, s.Bytes, s.Bundles, w.Bytes, w.Bundles)
			}
			e.reopen()
		}
	}
}
