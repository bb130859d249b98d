package throughput

import (
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fanfare/fec"
	"fanfare/internal/mcast"
	"fanfare/internal/mono"
	"fanfare/internal/wire"
	"fanfare/sender"
)

// pacingWindow is over how long the rate must be right.
const pacingWindow = 10 * time.Millisecond

// BenchmarkPacing sends a large object from engine, poller and socket on one locked thread, over
// the loopback interface, where nobody listens, and compares what leaves in each 10 ms with the
// rate: the median, the 95th and the worst of 100 deviations, as a share of what 10 ms should be. What
// leaves at once is a train, and a window may have one more or less than its share; the longest is
// reported beside them. The CPU is user and system time of the thread.
func BenchmarkPacing(b *testing.B) {
	for _, rate := range []struct {
		name string
		bits uint64
	}{{"1mbit", 1e6}, {"10mbit", 1e7}, {"100mbit", 1e8}, {"1gbit", 1e9}, {"5gbit", 5e9}, {"10gbit", 1e10}} {
		b.Run(rate.name, func(b *testing.B) {
			for range b.N {
				measurePacing(b, rate.bits)
			}
		})
	}
}

func measurePacing(b *testing.B, rate uint64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	conn, err := mcast.NewSender(mcast.Options{
		Group: netip.MustParseAddrPort("239.77.9.9:7799"), Interface: "lo", SendBuffer: 1 << 20,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	poller, err := mcast.NewPoller(conn)
	if err != nil {
		b.Fatal(err)
	}
	defer poller.Close()
	p := pacing{conn: conn, poller: poller}
	if p.engine, err = sender.New(sender.Config{TSI: 1, Rate: rate, PacketOverhead: 28}, rand.New(rand.NewPCG(1, 2)), p.clock.Now()); err != nil {
		b.Fatal(err)
	}
	oti := fec.OTI{TransferLength: 20e9, SymbolLength: 1408, MaxBlock: 200, MaxSymbols: 255}
	if err := p.engine.Add(p.clock.Now(), sender.ObjectInfo{TOI: wire.DataTOI(1), OTI: oti}); err != nil {
		b.Fatal(err)
	}
	const windows = 100
	p.run(b, 20*pacingWindow) // the bucket was full
	p.sent, p.longest = p.sent[:0], 0
	start, before := p.clock.Now(), threadTime()
	p.run(b, windows*pacingWindow)
	cpu := threadTime() - before

	want := float64(rate) / 8 * pacingWindow.Seconds()
	off := deviations(p.sent, start, windows, want)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(100*off[windows/2], "median-%")
	b.ReportMetric(100*off[windows*95/100], "p95-%")
	b.ReportMetric(100*off[windows-1], "worst-%")
	b.ReportMetric(100*float64(p.longest)/want, "train-%")
	b.ReportMetric(100*cpu.Seconds()/(windows*pacingWindow).Seconds(), "cpu-%")
}

// pacing is a loop around a sender that notes what leaves, and when.
type pacing struct {
	clock   mcast.Clock
	conn    *mcast.Conn
	poller  *mcast.Poller
	engine  *sender.Engine
	packet  wire.Packet
	batch   [][]byte
	sent    []departure
	longest int // the most bytes that left at one time
}

// departure is some bytes, headers included, that left together.
type departure struct {
	at    mono.Time
	bytes int
}

var pacingPayload = make([]byte, 1500)

func (p *pacing) run(b *testing.B, during time.Duration) {
	for end := p.clock.Now().Add(during); p.clock.Now() < end; {
		if err := p.poller.Wait(min(p.engine.NextTimeout(), end)); err != nil {
			b.Fatal(err)
		}
		now := p.clock.Now()
		p.engine.HandleTimeout(now)
		p.batch = p.batch[:0]
		bytes := 0
		for p.engine.NextPacket(now, &p.packet) {
			length := wire.HeaderLength(&p.packet)
			if p.packet.TOI != wire.HeartbeatTOI {
				length += 1408
			} else {
				length += 300
			}
			p.batch = append(p.batch, pacingPayload[:length])
			bytes += length + 28
		}
		p.longest = max(p.longest, bytes)
		for rest := p.batch; len(rest) > 0; {
			n, err := p.conn.Write(rest)
			if err != nil {
				b.Fatal(err)
			}
			rest = rest[n:]
		}
		if bytes > 0 {
			p.sent = append(p.sent, departure{p.clock.Now(), bytes})
		}
	}
}

// deviations returns, ascending, how far what left in each window is off from want, as a share.
func deviations(sent []departure, start mono.Time, windows int, want float64) []float64 {
	bytes := make([]float64, windows)
	for _, d := range sent {
		if i := int(d.at.Sub(start) / pacingWindow); i < windows {
			bytes[i] += float64(d.bytes)
		}
	}
	off := make([]float64, windows)
	for i, n := range bytes {
		off[i] = max(n-want, want-n) / want
	}
	slices.Sort(off)
	return off
}

// threadTime returns the CPU time of this thread.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
