package sender

import (
	"testing"
	"time"

	"fanfare/internal/mono"
)

func TestPacerRate(t *testing.T) {
	for _, rate := range []uint64{64_000, 10_000_000, 1_000_000_000, 25_000_000_000} {
		p := newPacer(rate, 0)
		const size = 1464
		now, sent := mono.Time(0), 0
		packetTime := float64(size*8) / float64(rate) * 1e9
		until := max(mono.Time(20*time.Millisecond), mono.Time(1000*packetTime))
		for now < until {
			for p.allows(now) {
				p.charge(now, size)
				sent += size
			}
			if p.next() <= now {
				t.Fatalf("rate %d: next is not in the future at %v", rate, now)
			}
			now = p.next()
		}
		most := 1.001*float64(rate)/8*time.Duration(now).Seconds() + p.burst.Seconds()*float64(rate)/8 + 2*size
		least := float64(rate) / 8 * time.Duration(until).Seconds() * 0.999
		if float64(sent) > most || float64(sent) < least {
			t.Errorf("rate %d: sent %d bytes in %v, want %.0f to %.0f", rate, sent, time.Duration(now), least, most)
		}
	}
}

func TestPacerTrains(t *testing.T) {
	p := newPacer(1_000_000_000, 0)
	for p.allows(0) {
		p.charge(0, 1464)
	}
	if gap := p.next().Sub(p.empty); gap != trainTime {
		t.Errorf("waits for %v of tokens after it ran dry, want %v", gap, trainTime)
	}
	now, n := p.next(), 0
	for p.allows(now) {
		p.charge(now, 1464)
		n++
	}
	if n < 40 || n > 45 { // 62,500 bytes
		t.Errorf("a train of %d packets", n)
	}
}

func TestPacerOverdrawn(t *testing.T) {
	p := newPacer(1_000_000, 0)
	sent := 0
	for !p.overdrawn(0) {
		p.charge(0, 1000)
		sent += 1000
	}
	if want := leastBurst + burstBytes; sent < want || sent > want+2000 {
		t.Errorf("overdrawn after %d bytes, want %d, bucket and credit", sent, want)
	}
	if at := p.solvent(); p.overdrawn(at) || !p.overdrawn(at-1) {
		t.Errorf("solvent at %v is wrong", at)
	}
}

// A full bucket is 4 ms of a high rate, 64 KB of a middling one, 20 ms of a low one, and two packets
// of one still lower.
func TestPacerBurst(t *testing.T) {
	for rate, want := range map[uint64]int{
		10_000_000_000: 5_000_000, 131_072_000: burstBytes, 100_000_000: burstBytes, 10_000_000: 25_000, 64_000: leastBurst,
	} {
		p := newPacer(rate, 0)
		if got := p.bytes(p.burst, 1e9); got < want-1 || got > want+1 {
			t.Errorf("%d bit/s: %d bytes, want %d", rate, got, want)
		}
	}
}
