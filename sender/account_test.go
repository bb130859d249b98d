package sender

import (
	"math/rand/v2"
	"testing"
)

// TestAccountStory is the repair round of the package comment.
func TestAccountStory(t *testing.T) {
	a := opened(200)
	ask := func(sequence uint32, need, wantRaised int) {
		t.Helper()
		if raised := a.ask(a.seen(sequence), need); raised != wantRaised {
			t.Errorf("asking for %d at %d raised the goal by %d, want %d", need, sequence, raised, wantRaised)
		}
	}
	send := func(sequences ...uint32) {
		t.Helper()
		for _, s := range sequences {
			if a.outstanding() == 0 {
				t.Fatal("nothing is outstanding")
			}
			a.transmit(s)
		}
	}
	ask(1001, 3, 3) // A
	send(1002, 1003, 1004)
	ask(1001, 5, 2) // B
	send(1005, 1006)
	ask(1001, 2, 0) // C
	ask(1007, 2, 2) // B again
	ask(1001, 5, 0) // B's first ask, late
	send(1008, 1009)
	if a.outstanding() != 0 || a.sent != 207 {
		t.Errorf("sent %d, outstanding %d", a.sent, a.outstanding())
	}
}

func TestAccountCountsOnlyWhatWasSeen(t *testing.T) {
	a := opened(10)
	a.goal = 20
	for _, s := range []uint32{100, 101, 105, 110} {
		a.transmit(s)
	}
	for _, test := range []struct{ sequence, want uint32 }{
		{99, 10}, {100, 11}, {101, 12}, {104, 12}, {105, 13}, {109, 13}, {110, 14}, {1 << 30, 14},
	} {
		if got := a.seen(test.sequence); got != test.want {
			t.Errorf("seen(%d) = %d, want %d", test.sequence, got, test.want)
		}
	}
}

func TestAccountAcrossTheEndOfTheNumbers(t *testing.T) {
	a := opened(0)
	a.goal = 10
	for s := uint32(0xfffffffd); s != 3; s++ {
		a.transmit(s)
	}
	for sequence, want := range map[uint32]uint32{0xfffffffc: 0, 0xfffffffe: 2, 0: 4, 2: 6, 7: 6} {
		if got := a.seen(sequence); got != want {
			t.Errorf("seen(%#x) = %d, want %d", sequence, got, want)
		}
	}
}

// TestAccountOrder checks that asks give the same goal in any order and any number.
func TestAccountOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		a := opened(50)
		a.goal = 70
		for s := uint32(1000); a.outstanding() > 0; s += 1 + rng.Uint32N(3) {
			a.transmit(s)
		}
		b := a
		type ask struct {
			sequence uint32
			need     int
		}
		asks := make([]ask, 10)
		for i := range asks {
			asks[i] = ask{1000 + rng.Uint32N(40), 1 + rng.IntN(50)}
			a.ask(a.seen(asks[i].sequence), asks[i].need)
		}
		for range 3 {
			for _, i := range rng.Perm(len(asks)) {
				b.ask(b.seen(asks[i].sequence), asks[i].need)
			}
		}
		if a != b {
			t.Fatalf("goals %d and %d", a.goal, b.goal)
		}
	}
}

// TestAccountWithManyRuns checks that recent asks are judged exactly, and that old ones are never
// taken to have seen more than they have.
func TestAccountWithManyRuns(t *testing.T) {
	a := opened(5)
	a.goal = 100
	for i := range uint32(20) {
		a.transmit(10 * i)
	}
	for sequence := range uint32(220) {
		want := 5 + min(sequence/10+1, 20)
		got := a.seen(sequence)
		if recent := sequence >= 130; got > want || recent && got != want {
			t.Errorf("seen(%d) = %d, want %d", sequence, got, want)
		}
	}
}
