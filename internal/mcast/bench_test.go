package mcast

import (
	"net/netip"
	"slices"
	"testing"
)

// BenchmarkBatch moves batches of 64 datagrams of 1,408 bytes over the loopback interface: as
// trains, as trains gathered from all over the memory, and one by one.
func BenchmarkBatch(b *testing.B) {
	scattered := train(batchSize, 1408)
	slices.Reverse(scattered)
	for _, run := range []struct {
		name   string
		batch  [][]byte
		trains bool
	}{
		{"trains", train(batchSize, 1408), true},
		{"scattered", scattered, true},
		{"single", train(batchSize, 1408), false},
	} {
		b.Run(run.name, func(b *testing.B) { benchmarkBatch(b, run.batch, run.trains) })
	}
}

func benchmarkBatch(b *testing.B, batch [][]byte, trains bool) {
	l, err := ListenUnicast(loopbackAnyPort, Options{})
	if err != nil {
		b.Fatal(err)
	}
	o := Options{Interface: "lo", ReceiveBuffer: 4 << 20}
	o.Group = netip.AddrPortFrom(netip.MustParseAddr("239.77.1.2"), l.LocalAddr().Port())
	l.Close()
	c, err := Join(o)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	s, err := NewSender(o)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	s.send.trains = s.send.trains && trains
	b.SetBytes(batchSize * 1408)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Write(batch); err != nil {
			b.Fatal(err)
		}
		for more := true; more; more = c.More() {
			if _, err := c.Read(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(c.Stats().PacketsReceived)/float64(s.Stats().PacketsSent), "received/sent")
}
