package sim

import (
	"fmt"
	"testing"
	"time"

	"fanfare/sender"
)

// added measures how much longer small objects and purges take while large objects are in flight:
// the latency of each that is published at the same time with and without them.
func added(t *testing.T, rate uint64, loss float64, small Object, large ...Object) (mean, longest time.Duration) {
	t.Helper()
	const rounds = 60
	var took [2][rounds]time.Duration
	for busy := range 2 {
		cfg := lan(4, loss)
		cfg.Entries, cfg.Sender.Rate = true, rate
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		first := 0
		if busy == 1 {
			for _, o := range large {
				s.At(200*time.Millisecond, func() { s.fail(s.publish(o)) })
			}
			first = len(large)
		}
		// Not in step with anything else.
		for i := range rounds {
			s.At(500*time.Millisecond+time.Duration(i)*47_300*time.Microsecond, func() { s.fail(s.publish(small)) })
		}
		r, err := s.Run(6 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range r.Objects[first:] {
			if o.Done != 4 {
				t.Fatalf("object %d is at %d edges", i, o.Done)
			}
			took[busy][i] = o.Last
		}
	}
	var sum time.Duration
	for i := range rounds {
		d := took[1][i] - took[0][i]
		sum += d
		longest = max(longest, d)
	}
	return sum / rounds, longest
}

// TestLargeObjectsHoldUpNobody checks that 10 GB in flight add less than 5 ms to an object of 10 KB,
// and less than 1 ms to a purge.
func TestLargeObjectsHoldUpNobody(t *testing.T) {
	large := Object{OTI: Bundle(10_000_000_000, 200)}
	urgentLarge, backgroundLarge := large, large
	urgentLarge.Priority, backgroundLarge.Priority = sender.Urgent, sender.Background
	small := Object{OTI: Bundle(10_000, 200)}
	urgent := small
	urgent.Priority = sender.Urgent
	purge := Object{Bare: true}
	for _, rate := range []uint64{200_000_000, 1_000_000_000} {
		for _, test := range []struct {
			name  string
			small Object
			large []Object
			bound time.Duration
		}{
			{"10 KB", small, []Object{large}, 5 * time.Millisecond},
			{"10 KB among four", small, []Object{large, large, large, large}, 5 * time.Millisecond},
			{"10 KB urgent", urgent, []Object{large, backgroundLarge}, 5 * time.Millisecond},
			{"10 KB urgent beside urgent", urgent, []Object{large, urgentLarge}, 5 * time.Millisecond},
			{"a purge", purge, []Object{large, urgentLarge, backgroundLarge}, time.Millisecond},
		} {
			t.Run(fmt.Sprintf("%s at %d Mb/s", test.name, rate/1e6), func(t *testing.T) {
				mean, longest := added(t, rate, 0, test.small, test.large...)
				t.Logf("added %v on average, %v at most", mean, longest)
				if longest > test.bound {
					t.Errorf("added %v", longest)
				}
			})
		}
	}
}
