package sim

import (
	"testing"
	"time"
)

// TestProactive compares trials with and without automatic proactive repair after an object from which
// the origin learned what edges lose: it costs about one per cent at most, and spares most NACKs.
func TestProactive(t *testing.T) {
	for _, test := range []struct {
		edges   int
		loss    float64
		pattern Pattern
		bytes   uint64
		most    float64 // over ideal
	}{
		{1, 0.01, Independent, 10_000_000, 1.015},
		{4, 0.05, Independent, 20_000_000, 1.015},
		{4, 0.10, Independent, 20_000_000, 1.015},
		{100, 0.01, Independent, 10_000_000, 1.015},
		{100, 0.10, Independent, 5_000_000, 1.015},
		{4, 0.05, Bursty, 20_000_000, 1.03},
		{100, 0.05, Shared, 10_000_000, 1.03},
	} {
		trial := Trial{
			Edges: test.edges, Loss: test.loss, Pattern: test.pattern, Bytes: test.bytes, Warm: 5_000_000,
			Rate: 200_000_000, RTT: 20 * time.Millisecond, Seed: 1,
		}
		var outcomes [2]Outcome
		for i, policy := range []int{-1, 0} {
			trial.Proactive = policy
			o, err := trial.Run(func(float64) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%4d edges, %2.0f %% %s, %+d: %.4f, %.4f of ideal, %.1f a block unasked, %4d NACKs, tail %v", test.edges, 100*test.loss,
				test.pattern, policy, o.Ratio, o.OverIdeal(), float64(o.Proactive*o.MaxBlock)/float64(o.Source), o.NACKs, o.Tail)
			outcomes[i] = o
		}
		without, with := outcomes[0], outcomes[1]
		if without.Proactive != 0 || with.Proactive == 0 || with.Twice != 0 {
			t.Errorf("%d and %d symbols went out unasked, %d twice", without.Proactive, with.Proactive, with.Twice)
		}
		if with.OverIdeal() > test.most {
			t.Errorf("sent %.4f of ideal", with.OverIdeal())
		}
		if 2*with.NACKs > without.NACKs {
			t.Errorf("%d NACKs with, %d without", with.NACKs, without.NACKs)
		}
	}
}

// TestProactiveOnACleanPath checks that nothing is sent that nobody needs.
func TestProactiveOnACleanPath(t *testing.T) {
	o, err := Trial{
		Edges: 50, Pattern: Independent, Bytes: 5_000_000, Warm: 5_000_000, Rate: 200_000_000, RTT: 20 * time.Millisecond, Seed: 1,
	}.Run(func(float64) error { return nil })
	if err != nil || o.Sent != o.Source {
		t.Errorf("%d of %d symbols: %v", o.Sent, o.Source, err)
	}
}
