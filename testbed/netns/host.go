package netns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"

	"github.com/vishvananda/netlink"

	"fanfare/testbed/netem"
)

// hostInterface is the name of every host's one interface.
const hostInterface = "eth0"

// Host is one machine: a namespace with one interface.
type Host struct {
	// Name is that of the Topology; in a Bed "origin", "edge-1", "edge-2" and so on.
	Name string
	// Addr4 and Addr6 are its addresses. Addr4 is not valid in a network without IPv4.
	Addr4, Addr6 netip.Addr
	// Interface is the name of its interface inside.
	Interface string

	space   *space
	link    *Link
	linkIsB bool // it is the link's B
	loseTCP bool
}

// Start starts a process in the host as cmd.Start does; the caller calls cmd.Wait as usual. The
// process is killed when the bed is closed and when this process dies, however.
// Start sets cmd.SysProcAttr.Pdeathsig.
func (h *Host) Start(cmd *exec.Cmd) error { return h.space.start(cmd) }

// Do calls f on a thread inside the host and returns its error. Sockets that f opens are
// the host's, wherever they are used later. Goroutines that f starts are outside.
func (h *Host) Do(f func() error) error { return h.space.do(f) }

// Dial connects from the host to an address, which must be a literal: there are no name
// servers inside. It has the form of http.Transport.DialContext.
func (h *Host) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = h.Do(func() error {
		var d net.Dialer
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens in the host as net.Listen does, at a literal address.
func (h *Host) Listen(network, address string) (listener net.Listener, err error) {
	err = h.Do(func() error {
		listener, err = net.Listen(network, address)
		return err
	})
	return listener, err
}

// Link is the host's link.
func (h *Host) Link() *Link { return h.link }

// SetFaults sets what happens to packets on their way to the host, down, and to those that it
// sends, up, as Link.SetFaults does.
func (h *Host) SetFaults(down, up netem.Config) error {
	if h.linkIsB {
		return h.link.SetFaults(down, up)
	}
	return h.link.SetFaults(up, down)
}

// LinkStats returns what the host's link has done to packets on their way to it, and to those that
// it sent.
func (h *Host) LinkStats() (down, up LinkStats) {
	if h.linkIsB {
		return h.link.Stats()
	}
	up, down = h.link.Stats()
	return down, up
}

// Cut takes the link of the host down, as Link.Cut does. Heal plugs it in again.
func (h *Host) Cut() error { return h.link.Cut() }

// Heal ends a Cut.
func (h *Host) Heal() error { return h.link.Heal() }

// TxBytes is how many bytes have left the host's interface, Ethernet headers included.
func (h *Host) TxBytes() (uint64, error) {
	s, err := h.statistics()
	if err != nil {
		return 0, err
	}
	return s.TxBytes, nil
}

// RxBytes is how many bytes came to the host's interface, Ethernet headers included, before
// any loss that the bed makes.
func (h *Host) RxBytes() (uint64, error) {
	s, err := h.statistics()
	if err != nil {
		return 0, err
	}
	return s.RxBytes, nil
}

func (h *Host) statistics() (s netlink.LinkStatistics, err error) {
	err = h.Do(func() error {
		link, err := netlink.LinkByName(h.Interface)
		if err == nil && link.Attrs().Statistics != nil {
			s = *link.Attrs().Statistics
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("netns: counters of %s: %w", h.Name, err)
	}
	return s, err
}

// Shell is what to type before a command to run it in the host, from any terminal of the
// same user, while this process lives.
func (h *Host) Shell() string {
	pid := os.Getpid()
	way := fmt.Sprintf("nsenter --net=/proc/%d/fd/%d", pid, int(h.space.handle))
	if insideUserNamespace() {
		way += fmt.Sprintf(" --target %d --user --preserve-credentials", pid)
	}
	return way
}
