package netns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"

	"github.com/vishvananda/netlink"
)

// hostInterface is the name of every host's one interface.
const hostInterface = "eth0"

// Host is one machine of the bed: a namespace with one interface.
type Host struct {
	// Name is "origin", "edge-1", "edge-2" and so on.
	Name string
	// Addr4 and Addr6 are its addresses.
	Addr4, Addr6 netip.Addr
	// Interface is the name of its interface inside.
	Interface string

	space   *space
	bridge  *space
	port    string // the switch's end of its link
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

// Cut takes the link of the host down, as when the cable is pulled out of the switch. The
// host keeps its addresses and its groups. Heal plugs it in again.
func (h *Host) Cut() error { return h.setPort(netlink.LinkSetDown) }

// Heal ends a Cut.
func (h *Host) Heal() error { return h.setPort(netlink.LinkSetUp) }

func (h *Host) setPort(set func(netlink.Link) error) error {
	err := h.bridge.do(func() error {
		link, err := netlink.LinkByName(h.port)
		if err != nil {
			return err
		}
		return set(link)
	})
	if err != nil {
		return fmt.Errorf("netns: link of %s: %w", h.Name, err)
	}
	return nil
}

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
