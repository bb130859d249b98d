package netns

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"fanfare/internal/mcast"
)

func TestLoss(t *testing.T) {
	b := openBed(t, Config{Edges: 2, Loss: 0.1, FeedbackLoss: 0.2})
	const total, size = 20_000, 8
	o := mcast.Options{Group: netip.MustParseAddrPort("239.77.1.2:5000"), Interface: b.Origin.Interface, ReceiveBuffer: 4 << 20}
	s := sender(t, b.Origin, o)
	var got [2][total]bool
	edges := [2]*mcast.Conn{join(t, b.Edges[0], o), join(t, b.Edges[1], o)}
	feedback := conn(t, b.Origin, func() (*mcast.Conn, error) {
		return mcast.ListenUnicast(netip.AddrPortFrom(b.Origin.Addr4, 5001), o)
	})
	asks := conn(t, b.Edges[0], func() (*mcast.Conn, error) {
		return mcast.DialUnicast(netip.AddrPortFrom(b.Origin.Addr4, 5001), o)
	})
	drain := func() {
		for e, c := range edges {
			for batch, err := c.Read(); len(batch) > 0 || err != nil; batch, err = c.Read() {
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range batch {
					var i int
					if _, err := fmt.Sscanf(string(d.Payload), "%d", &i); err != nil {
						t.Fatal(err)
					}
					got[e][i] = true
				}
			}
		}
		for batch, _ := feedback.Read(); len(batch) > 0; batch, _ = feedback.Read() {
		}
	}
	for i := range total {
		batch := [][]byte{fmt.Appendf(nil, "%0*d", size, i)}
		if n, err := s.Write(batch); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := asks.Write(batch); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if i%64 == 63 {
			drain()
		}
	}
	// What is under way arrives on another processor's time: wait for what the rules let through.
	deadline := time.Now().Add(5 * time.Second)
	for done := false; !done && time.Now().Before(deadline); {
		drain()
		done = true
		for e, c := range edges {
			done = done && c.Stats().PacketsReceived+dropCount(t, b.Edges[e]) >= total
		}
		done = done && feedback.Stats().PacketsReceived+dropCount(t, b.Origin) >= total
	}
	var lost [2]int
	var both int
	for i := range total {
		for e := range got {
			if !got[e][i] {
				lost[e]++
			}
		}
		if !got[0][i] && !got[1][i] {
			both++
		}
	}
	// Six standard deviations either way.
	wantBetween(t, "lost by edge 1", lost[0], 2000-255, 2000+255)
	wantBetween(t, "lost by edge 2", lost[1], 2000-255, 2000+255)
	wantBetween(t, "lost by both", both, 200-85, 200+85)
	wantBetween(t, "feedback lost", total-int(feedback.Stats().PacketsReceived), 4000-340, 4000+340)
	for e, c := range edges {
		if n := c.Stats().SocketDrops; n != 0 {
			t.Errorf("edge %d's socket dropped %d", e, n)
		}
		if n := dropCount(t, b.Edges[e]); int(n) != lost[e] {
			t.Errorf("edge %d counts %d dropped, %d are missing", e, n, lost[e])
		}
	}
}

func dropCount(t *testing.T, h *Host) uint64 {
	t.Helper()
	n, err := h.Dropped()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func wantBetween(t *testing.T, what string, got, low, high int) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s: %d, want %d to %d", what, got, low, high)
	}
}

func TestSetLoss(t *testing.T) {
	b := openBed(t, Config{Edges: 1, Loss: 1})
	o := mcast.Options{Group: netip.MustParseAddrPort("239.77.1.2:5000"), Interface: hostInterface}
	c, s := join(t, b.Edges[0], o), sender(t, b.Origin, o)
	for _, loss := range []float64{1, 0} {
		if err := b.Edges[0].SetLoss(loss); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write([][]byte{fmt.Appendf(nil, "%v", loss)}); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(5 * time.Second); loss == 1 && dropCount(t, b.Edges[0]) == 0 && time.Now().Before(end); {
		}
	}
	if got := readFirst(t, c); got != "0" {
		t.Errorf("got %q", got)
	}
	if err := b.Edges[0].SetLoss(2); err == nil {
		t.Error("no error for a loss of 2")
	}
}
