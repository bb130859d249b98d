package mcast

import "testing"

// BenchmarkBatch moves batches of 64 datagrams of 1,408 bytes over the loopback interface.
func BenchmarkBatch(b *testing.B) {
	l, err := ListenUnicast(loopbackAnyPort, Options{ReceiveBuffer: 4 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	s, err := DialUnicast(l.LocalAddr(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	batch := make([][]byte, batchSize)
	for i := range batch {
		batch[i] = make([]byte, 1408)
	}
	b.SetBytes(batchSize * 1408)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Write(batch); err != nil {
			b.Fatal(err)
		}
		if _, err := l.Read(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(l.Stats().PacketsReceived)/float64(s.Stats().PacketsSent), "received/sent")
}
