package demo

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"fanfare/testbed/daemon"
	"fanfare/testbed/netns"
)

// machine is one host of the demo, be it a namespace or only a name on this machine.
type machine struct {
	daemon.Machine
	name       string
	iface      string
	address    string // of the interface, IPv4
	injectLoss float64
	listen     func(network, address string) (net.Listener, error)
	// shell is what a person types before a command to run it there; empty on this machine.
	shell string
}

// place is where the demo's machines stand.
type place struct {
	about  string
	origin machine
	edges  []machine
	// loopback says that all machines are this one: then wireBytes counts what edges send, too,
	// and multicast as often as it is looped back, so for that the origin's own count is taken.
	loopback bool
	// wireBytes is how much has left the origin's interface, Ethernet headers included.
	wireBytes func() (uint64, error)
	close     func() error
}

// open makes namespaces with real loss on their links or, where the system does not allow
// that, takes the loopback interface with loss at the edges' sockets.
func open(c Config) (*place, error) {
	p, err := openNamespaces(c)
	if err == nil {
		return p, nil
	}
	return openLoopback(c, err)
}

func openNamespaces(c Config) (*place, error) {
	bed, err := netns.Open(netns.Config{Edges: c.Edges, Loss: c.Loss, FeedbackLoss: c.Loss, LoseTCP: true})
	if err != nil {
		return nil, err
	}
	p := &place{
		about: fmt.Sprintf("namespaces: 1 origin, %d edges, links that lose %.3g %% of the packets both ways",
			c.Edges, 100*c.Loss),
		origin:    namespaceMachine("origin", bed.Origin),
		wireBytes: bed.Origin.TxBytes,
		close:     bed.Close,
	}
	for i, host := range bed.Edges {
		p.edges = append(p.edges, namespaceMachine(edgeName(i), host))
	}
	return p, nil
}

func namespaceMachine(name string, h *netns.Host) machine {
	return machine{
		Machine: h, name: name, iface: h.Interface, address: h.Addr4.String(),
		listen: h.Listen, shell: h.Shell() + " ",
	}
}

func openLoopback(c Config, why error) (*place, error) {
	const iface = "lo"
	p := &place{
		about: fmt.Sprintf("loopback multicast, since %v; the edges' sockets drop %.3g %% of the packets, both ways",
			why, 100*c.Loss),
		loopback:  true,
		wireBytes: func() (uint64, error) { return readCounter("/sys/class/net/" + iface + "/statistics/tx_bytes") },
		close:     func() error { return nil },
	}
	named := func(name string, loss float64) machine {
		return machine{
			Machine: here{}, name: name, iface: iface, address: netip.AddrFrom4([4]byte{127, 0, 0, 1}).String(), injectLoss: loss,
			listen: net.Listen,
		}
	}
	p.origin = named("origin", 0)
	for i := range c.Edges {
		p.edges = append(p.edges, named(edgeName(i), c.Loss))
	}
	return p, nil
}

func edgeName(i int) string { return "edge-" + strconv.Itoa(i+1) }

// here is this machine.
type here struct{ daemon.Here }

// Start starts a process that does not outlive this one's main thread.
func (here) Start(c *exec.Cmd) error {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c.Start()
}

func readCounter(path string) (uint64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
}

// freePort returns a TCP port of a machine that nobody listens on now.
func freePort(m machine) (string, error) {
	listener, err := m.listen("tcp", net.JoinHostPort(m.address, "0"))
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}
