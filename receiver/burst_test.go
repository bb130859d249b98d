package receiver

import (
	"math/rand/v2"
	"testing"

	"fanfare/internal/mono"
)

func TestBurst(t *testing.T) {
	for _, test := range []struct {
		name        string
		enter, stay float64 // chance of a loss after none, and after a loss
		want        float64
	}{
		{"independent, 1 %", 0.01, 0.01, 1 / 0.99}, {"independent, 20 %", 0.2, 0.2, 1.25}, {"bursts of 5", 0.01, 0.8, 5}, {"bursts of 20", 0.001, 0.95, 20},
	} {
		rng := rand.New(rand.NewPCG(1, 1))
		var l loss
		lost := false
		for sequence := range uint32(500_000) {
			if chance := rng.Float64(); lost {
				lost = chance < test.stay
			} else {
				lost = chance < test.enter
			}
			if !lost {
				l.receive(mono.Time(sequence), sequence)
			}
		}
		if got := float64(l.burst.milli()) / 1000; got < 0.8*test.want || got > 1.2*test.want {
			t.Errorf("%s: mean %.2f, want %.2f", test.name, got, test.want)
		}
	}
}

func TestBurstOfFewOrEndless(t *testing.T) {
	var b burst
	for range burstLeast - 1 {
		b.lose(3)
	}
	if b.milli() != 0 {
		t.Error("few runs say something")
	}
	for range 10_000 {
		b.lose(1 << 31)
	}
	if b.milli() > burstMost*1000 || b.runs > burstKeep {
		t.Errorf("mean %d of %d runs", b.milli(), b.runs)
	}
}
