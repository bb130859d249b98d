package netem

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"fanfare/internal/mono"
)

const ms = time.Millisecond

func newLink(t *testing.T, cfg Config) *Link {
	t.Helper()
	l, err := New(cfg, rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestGroupLoss(t *testing.T) {
	l := newLink(t, Config{GroupLoss: 0.4, Loss: 0.1})
	const packets = 100_000
	lost, groupLost := 0, 0
	for range packets {
		lost += 1 - l.Send(0, 100).N
		groupLost += 1 - l.SendGroup(0, 100).N
	}
	if math.Abs(float64(lost)/packets-0.1) > 0.01 || math.Abs(float64(groupLost)/packets-(1-0.6*0.9)) > 0.01 {
		t.Errorf("lost %d, and %d to a group", lost, groupLost)
	}
	if s := l.Stats(); s.Sent != 2*packets || s.Lost != uint64(lost+groupLost) || l.Plain() {
		t.Errorf("%+v", s)
	}
}

// lossRate sends packets and returns the share lost and the mean length of a run of losses.
func lossRate(l *Link, packets int) (rate, run float64) {
	lost, runs, before := 0, 0, false
	for range packets {
		now := l.Send(0, 100).N == 0
		if now {
			lost++
			if !before {
				runs++
			}
		}
		before = now
	}
	return float64(lost) / float64(packets), float64(lost) / float64(max(runs, 1))
}

func TestLoss(t *testing.T) {
	for _, test := range []struct {
		name      string
		cfg       Config
		rate, run float64
	}{
		{"none", Config{}, 0, 0},
		{"all", Config{Loss: 1}, 1, 200_000},
		{"5 %", Config{Loss: 0.05}, 0.05, 1 / 0.95},
		{"50 %", Config{Loss: 0.5}, 0.5, 2},
		{"bursts", Config{Burst: Bursts(0.02, 20)}, 0.02, 20},
		{"both", Config{Loss: 0.05, Burst: Bursts(0.02, 20)}, 1 - 0.95*0.98, 1.4},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLink(t, test.cfg)
			rate, run := lossRate(l, 200_000)
			if math.Abs(rate-test.rate) > 0.1*test.rate+1e-9 || math.Abs(run-test.run) > 0.15*test.run {
				t.Errorf("lost %.4f in runs of %.2f, want %.4f and %.2f", rate, run, test.rate, test.run)
			}
			if s := l.Stats(); s.Sent != 200_000 || float64(s.Lost) != math.Round(rate*200_000) {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestDelayAndOrder(t *testing.T) {
	l := newLink(t, Config{Delay: 10 * ms, Jitter: 5 * ms})
	last, longest := mono.Time(0), time.Duration(0)
	for i := range 1000 {
		now := mono.Time(i) * mono.Time(ms) / 10
		a := l.Send(now, 100)
		if a.N != 1 || a.At[0] < last || a.At[0].Sub(now) < 10*ms || a.At[0].Sub(now) > 15*ms {
			t.Fatalf("arrives %v after it was sent", a.At[0].Sub(now))
		}
		last, longest = a.At[0], max(longest, a.At[0].Sub(now))
	}
	if longest < 14*ms {
		t.Errorf("no packet took longer than %v", longest)
	}
}

func TestReorderAndDuplicate(t *testing.T) {
	l := newLink(t, Config{Delay: ms, Reorder: 0.1, ReorderDelay: 20 * ms, Duplicate: 0.2})
	overtaken, twice, last := 0, 0, mono.Time(0)
	for i := range 10_000 {
		a := l.Send(mono.Time(i)*mono.Time(ms), 100)
		if a.At[0] < last {
			overtaken++
		}
		last = max(last, a.At[0])
		if a.N == 2 {
			twice++
		}
	}
	s := l.Stats()
	if s.Reordered < 900 || s.Reordered > 1100 || overtaken < 900 || twice < 1800 || twice > 2200 || s.Duplicated != uint64(twice) {
		t.Errorf("%+v, overtaken %d, twice %d", s, overtaken, twice)
	}
}

func TestRateAndQueue(t *testing.T) {
	l := newLink(t, Config{Rate: 8_000_000, Queue: 10_000}) // 1,000 bytes a millisecond
	for i := range 11 {
		if a := l.Send(0, 1000); a.N != 1 || a.At[0] != mono.Time((i+1)*int(ms)) {
			t.Fatalf("packet %d: %+v", i, a)
		}
	}
	if a := l.Send(0, 1000); a.N != 0 {
		t.Error("the queue has no end")
	}
	if a := l.Send(mono.Time(2*ms), 1000); a.N != 1 || a.At[0] != mono.Time(12*ms) {
		t.Errorf("after a while: %+v", a)
	}
	if s := l.Stats(); s.QueueDrops != 1 || s.Lost != 1 || s.Sent != 13 {
		t.Errorf("%+v", s)
	}
}

func TestCut(t *testing.T) {
	l := newLink(t, Config{})
	l.Cut(mono.Time(ms))
	if l.Send(mono.Time(ms)-1, 1).N != 0 || l.Send(mono.Time(ms), 1).N != 1 {
		t.Error("cut at the wrong time")
	}
}

func TestSameSeedSameFaults(t *testing.T) {
	cfg := Config{Loss: 0.1, Burst: Bursts(0.1, 3), Jitter: ms, Reorder: 0.1, ReorderDelay: ms, Duplicate: 0.1, Rate: 1e9}
	a, b := newLink(t, cfg), newLink(t, cfg)
	for i := range 1000 {
		now := mono.Time(i) * 1000
		if x, y := a.Send(now, 100), b.Send(now, 100); x != y {
			t.Fatalf("packet %d: %v and %v", i, x, y)
		}
	}
	if a.Stats() != b.Stats() {
		t.Error("the counters differ")
	}
}

func TestValidate(t *testing.T) {
	for _, bad := range []Config{
		{Loss: -0.1}, {Loss: 1.1}, {Loss: math.NaN()}, {Delay: -1}, {Queue: -1}, {Burst: Burst{ToBad: 0.1}}, {Duplicate: 2},
	} {
		if _, err := New(bad, nil); !errors.Is(err, ErrConfig) {
			t.Errorf("New(%+v) = %v", bad, err)
		}
	}
	if !(newLink(t, Config{Loss: 0.5, Delay: ms})).Plain() || newLink(t, Config{Jitter: 1}).Plain() {
		t.Error("Plain is wrong")
	}
}
