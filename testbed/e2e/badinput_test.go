package e2e

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fanfare/fec"
	"fanfare/internal/mcast"
	"fanfare/internal/session"
	"fanfare/internal/wire"
)

// TestJunkOnTheGroup sends what an edge must not believe to the group while it receives.
func TestJunkOnTheGroup(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 2, Rate: 100_000_000})
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		w.sendJunk(stop)
	}()
	files := smallFiles("small", 100)
	files["large.bin"] = content("large", 10<<20)
	s := w.publish(files, "one")
	w.files = urls(w.files)
	w.await(s, 30*time.Second)
	close(stop)
	<-stopped
	w.check()
	_, body, err := w.edges[0].get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range []string{"short", "version", "other_session", "head", "entry"} {
		if !strings.Contains(body, `fanfare_edge_packets_invalid_total{reason="`+reason+`"}`) {
			t.Errorf("nothing was counted as %q", reason)
		}
	}
}

// sendJunk sends a bad datagram every 100 µs until stop.
func (w *world) sendJunk(stop <-chan struct{}) {
	s, err := session.Load(filepath.Join(w.originDir(), "session.ff"))
	if err != nil {
		w.t.Error(err)
		return
	}
	conn, err := mcast.NewSender(mcast.Options{Group: s.Group, Interface: "lo", Loop: true})
	if err != nil {
		w.t.Error(err)
		return
	}
	defer conn.Close()
	rng := rand.New(rand.NewPCG(1, 1))
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(100 * time.Microsecond):
		}
		if _, err := conn.Write([][]byte{junk(rng, s.Channel, i)}); err != nil {
			w.t.Error(err)
			return
		}
	}
}

// junk returns one of several kinds of bad datagrams.
func junk(rng *rand.Rand, channel uint32, i int) []byte {
	b := make([]byte, rng.IntN(1400))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	good := wire.Packet{TSI: channel, TOI: wire.DataTOI(uint64(1000 + i%50)), SBN: 0, SourceBlockLength: 10, Payload: make([]byte, 1408),
		HasOTI: true, OTI: fec.OTI{TransferLength: 14080, SymbolLength: 1408, MaxBlock: 10, MaxSymbols: 255}}
	switch i % 6 {
	case 0: // random bytes
		return b
	case 1: // cut short
		p := wire.Append(nil, &good)
		return p[:rng.IntN(40)]
	case 2: // another session
		good.TSI++
		return wire.Append(nil, &good)
	case 3: // a heartbeat that nobody signed
		h := wire.Heartbeat{Instance: 1, Head: b[:min(len(b), 100)]}
		return wire.Append(nil, &wire.Packet{TSI: channel, TOI: wire.HeartbeatTOI, Payload: wire.AppendHeartbeat(nil, &h, 1400)})
	case 4: // a bundle that no entry announces
		return wire.Append(nil, &good)
	}
	// an entry that nobody signed
	good.TOI = wire.ControlTOI(uint64(2000 + i%100))
	good.Payload = good.Payload[:64]
	good.OTI = fec.OTI{TransferLength: 64, SymbolLength: 64, MaxBlock: 1, MaxSymbols: 255}
	good.SourceBlockLength = 1
	return wire.Append(nil, &good)
}

// TestTooLargeForAnEdge has an edge whose cache is too small for one of the files: that one
// fails with a reason, all else goes on.
func TestTooLargeForAnEdge(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 2})
	w.edges[0].Kill()
	w.edges[0].config.MaxBytes = 4 << 20
	w.edges[0].start(w)
	w.awaitEdges()
	large := w.publish(map[string][]byte{"large.bin": content("large", 5<<20)}, "large")
	receipt, err := w.client.Wait(context.Background(), large, 2*time.Second, nil)
	if err != nil || receipt.Complete || receipt.Served != 1 {
		t.Fatalf("receipt %+v, %v", receipt, err)
	}
	for _, e := range receipt.Edges {
		if !e.Served && (e.Name != w.edges[0].name || !strings.Contains(e.Reason, "size limit")) {
			t.Errorf("%s does not serve it because %q", e.Name, e.Reason)
		}
	}
	w.checkNode(w.edges[1])
	delete(w.files, "/large.bin")
	small := w.publish(map[string][]byte{"small": content("small", 5000)}, "small")
	w.await(small, 10*time.Second)
	w.checkNode(w.edges[0])
}

// TestSilentGroup has an edge that does not hear the group: purges reach it over HTTP.
func TestSilentGroup(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 2, Namespaces: true})
	w.await(w.publish(map[string][]byte{"old": content("old", 5000), "kept": content("kept", 5000)}, "x"), 10*time.Second)
	deaf := w.bed.Edges[0]
	if err := deaf.SetLoss(1); err != nil { // UDP only
		t.Fatal(err)
	}
	if _, err := w.client.Purge(context.Background(), purgeKey("/old")); err != nil {
		t.Fatal(err)
	}
	w.until("the purge is in force at the deaf edge", 25*time.Second, func() error {
		response, _, err := w.edges[0].get("/old")
		if err == nil && response.StatusCode != http.StatusNotFound {
			err = errStatus(response.Status)
		}
		return err
	})
	delete(w.files, "/old")
	w.check()
}

type errStatus string

func (e errStatus) Error() string { return string(e) }

// TestOtherGroupOnThePort sends to another group on the same port: nothing of it arrives.
func TestOtherGroupOnThePort(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 1})
	s, err := session.Load(filepath.Join(w.originDir(), "session.ff"))
	if err != nil {
		t.Fatal(err)
	}
	other := netip.AddrPortFrom(netip.MustParseAddr("239.77.251.1"), s.Group.Port())
	listener, err := mcast.Join(mcast.Options{Group: other, Interface: "lo"}) // so that the machine takes it
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, net.UDPAddrFromAddrPort(other))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 100 {
		if _, err := c.Write([]byte("not for you")); err != nil {
			t.Fatal(err)
		}
	}
	w.await(w.publish(map[string][]byte{"a": content("a", 5000)}, "x"), 10*time.Second)
	_, body, err := w.edges[0].get("/metrics")
	if err != nil || strings.Contains(body, "fanfare_edge_packets_invalid_total{") {
		t.Errorf("datagrams of another group reached the edge (%v):\n%s", err, body)
	}
}

// TestOtherGeneration has an edge whose session file is of another generation than the origin.
func TestOtherGeneration(t *testing.T) {
	w := newWorld(t, worldConfig{Edges: 1})
	n := w.newNode(0)
	s, err := session.Load(n.config.Session)
	if err != nil {
		t.Fatal(err)
	}
	s.Generation.Order++
	n.name, n.config.Name = "stranger", "stranger"
	n.config.Dir, n.config.Session = filepath.Join(w.dir, n.name), filepath.Join(w.dir, "other.ff")
	if err := s.Save(n.config.Session); err != nil {
		t.Fatal(err)
	}
	n.start(w)
	w.until("the log says so", 10*time.Second, func() error {
		for _, sentence := range []string{"the origin on the group is of another generation", "it refused catch-up"} {
			if log := logOf(n.Process); !bytes.Contains(log, []byte(sentence)) {
				return errStatus(log)
			}
		}
		return nil
	})
	if response, _, err := n.get("/readyz"); err != nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %v, %v", response, err)
	}
}
