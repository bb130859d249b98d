package netns

import (
	"io"
	"testing"
)

func TestOffloads(t *testing.T) {
	for _, on := range []bool{false, true} {
		b := openBed(t, Config{Edges: 1, Offloads: on})
		const total = 4 << 20
		l, err := b.Origin.Listen("tcp", "10.77.0.1:80")
		if err != nil {
			t.Fatal(err)
		}
		sent := make(chan error, 1)
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, err = c.Write(make([]byte, total))
				c.Close()
			}
			sent <- err
		}()
		c, err := b.Edges[0].Dial(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, c)
		if n != total || err != nil || <-sent != nil {
			t.Fatal(n, err)
		}
		c.Close()
		l.Close()
		s, err := b.Edges[0].statistics()
		if err != nil {
			t.Fatal(err)
		}
		mean := s.RxBytes / s.RxPackets
		if trains := mean > 1514; trains != on {
			t.Errorf("offloads %v: packets of %d bytes on average", on, mean)
		}
	}
}
