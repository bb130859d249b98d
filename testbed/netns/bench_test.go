package netns

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/internal/mcast"
	"fanfare/testbed/netem"
)

// BenchmarkEmulator multicasts to eight edges at a steady rate, over links with faults and without, and
// says which share arrived, and what that took of one processor. It is run with -benchtime=1x.
func BenchmarkEmulator(b *testing.B) {
	for _, emulated := range []bool{false, true} {
		for _, megabits := range []int{100, 200, 400} {
			b.Run(fmt.Sprintf("emulated=%v/%dMbps", emulated, megabits), func(b *testing.B) {
				benchmarkRate(b, emulated, megabits)
			})
		}
	}
}

func benchmarkRate(b *testing.B, emulated bool, megabits int) {
	const edges, size, seconds = 8, 1400, 2
	c := Config{Edges: edges}
	if emulated {
		c.Down = netem.Config{Delay: time.Millisecond, Rate: 1e9}
	}
	bed, err := Open(c)
	if err != nil {
		b.Skipf("SKIPPED: %v", err)
	}
	defer bed.Close()
	o := mcast.Options{Group: netip.MustParseAddrPort("239.77.1.2:5000"), Interface: hostInterface, SendBuffer: 4 << 20}
	var s *mcast.Conn
	if err := bed.Origin.Do(func() (err error) { s, err = mcast.NewSender(o); return err }); err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	before := received(b, bed)
	total := megabits * 1e6 / 8 / size * seconds
	packet := make([]byte, size)
	train := make([][]byte, 0, 64)
	start, cpu := time.Now(), processorTime(b)
	for sent := 0; sent < total; {
		due := int(time.Since(start).Seconds() * float64(total) / seconds)
		train = train[:0]
		for ; sent < min(due, total) && len(train) < cap(train); sent++ {
			train = append(train, packet)
		}
		if len(train) > 0 {
			if _, err := s.Write(train); err != nil {
				b.Fatal(err)
			}
		}
		time.Sleep(500 * time.Microsecond)
	}
	took := time.Since(start)
	time.Sleep(100 * time.Millisecond)
	b.ReportMetric((processorTime(b)-cpu).Seconds()/took.Seconds(), "CPUs")
	b.ReportMetric(float64(received(b, bed)-before)/float64(total*edges), "arrived")
	b.ReportMetric(took.Seconds()/seconds, "slowdown")
	var missed uint64
	for _, h := range bed.Edges {
		down, _ := h.LinkStats()
		missed += down.Missed
	}
	b.ReportMetric(float64(missed), "missed")
}

func received(b *testing.B, bed *Bed) (n uint64) {
	for _, h := range bed.Edges {
		s, err := h.statistics()
		if err != nil {
			b.Fatal(err)
		}
		n += s.RxPackets
	}
	return n
}

func processorTime(b *testing.B) time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
