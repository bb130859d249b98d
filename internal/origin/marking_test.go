package origin

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"fanfare/internal/api"
	"fanfare/internal/mcast"
	"fanfare/internal/session"
	"fanfare/internal/wire"
)

// listenClasses returns a socket that hears the group with the type of service of each packet.
func listenClasses(t *testing.T, s *session.Session) *net.UDPConn {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) // net would bind to any address
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "group")
	defer file.Close()
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVTOS, 1),
		unix.Bind(fd, &unix.SockaddrInet4{Addr: s.Group.Addr().As4(), Port: int(s.Group.Port())}))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.FilePacketConn(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := ipv4.NewPacketConn(conn).JoinGroup(lo, &net.UDPAddr{IP: s.Group.Addr().AsSlice()}); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.UDPConn)
}

// TestMarking checks which code points packets bear, and that those of an adaptive origin say that it
// heeds ECN.
func TestMarking(t *testing.T) {
	dir := initOrigin(t)
	path := filepath.Join(dir, configName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	more := "min_rate: 200mbit\ndscp: {control: cs6, repair: af21, bulk: le}\n"
	if err := os.WriteFile(path, append(text, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	edge := newFakeEdge(t, dir)
	conn := listenClasses(t, edge.session)
	o := start(t, dir)
	edge.until("a heartbeat", func() bool { return edge.beats > 0 })
	edge.report(0, wire.Report{})
	o.publish(t, files{"large": strings.Repeat("fanfare", 5000)}, api.PublishOptions{})
	edge.until("the bundle", func() bool { _, ok := edge.bundle(1); return ok })
	edge.send(&wire.Feedback{NACKs: []wire.NACK{{TOI: wire.DataTOI(1), Count: 1, Symbols: 2}}})
	edge.until("repair", func() bool {
		partition, err := edge.otis[wire.DataTOI(1)].Partition()
		if err != nil {
			t.Fatal(err)
		}
		_, ok := edge.symbols[[3]uint32{wire.DataTOI(1), 0, uint32(partition.SourceSymbols(0))}]
		return ok
	})

	seen := map[string]int{}
	buffer, control := make([]byte, 2000), make([]byte, 128)
	if err := conn.SetReadDeadline(time.Now().Add(hangsAfter)); err != nil {
		t.Fatal(err)
	}
	for len(seen) < 3 { // all are in the socket's buffer
		n, m, _, _, err := conn.ReadMsgUDP(buffer, control)
		if err != nil {
			t.Fatalf("seen %v: %v", seen, err)
		}
		messages, err := unix.ParseSocketControlMessage(control[:m])
		if err != nil || len(messages) != 1 || len(messages[0].Data) == 0 {
			t.Fatal(messages, err)
		}
		var p wire.Packet
		if err := wire.Parse(buffer[:n], &p); err != nil {
			t.Fatal(err)
		}
		kind, code := "control", uint8(48)
		switch {
		case wire.IsData(p.TOI) && p.ESI >= p.SourceBlockLength:
			kind, code = "repair", 18
		case wire.IsData(p.TOI):
			kind, code = "bulk", 1
		}
		if got := messages[0].Data[0]; got != mcast.TrafficClass(code, true) {
			t.Fatalf("%s: type of service %#02x, want %#02x", kind, got, mcast.TrafficClass(code, true))
		}
		seen[kind]++
	}
}
