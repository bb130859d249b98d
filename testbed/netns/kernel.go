package netns

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"fanfare/testbed/netem"
)

// kernelLimit is how many packets the kernel's netem holds in a direction.
const kernelLimit = 1 << 16

// kernelCan reports whether the kernel's netem does just what ours does: not with jitter, which
// reorders there, nor with a queue measured in bytes, nor with bursts, which netlink's
// package cannot set.
func kernelCan(c netem.Config) bool {
	c.Delay, c.Loss, c.Corrupt = 0, 0, 0
	return c.Clear()
}

// setInKernel lets the kernel make the faults, if it can. It reports false if the emulator is to do it.
func (l *Link) setInKernel(outward, inward netem.Config) (done bool, err error) {
	only := l.network.topology.Emulation == EmulateInKernel
	if l.network.topology.Emulation == EmulateInUserSpace {
		return false, nil
	}
	if kernelCan(outward) && kernelCan(inward) {
		err = l.near.do(func() error { return setNetem(l.device("d"), outward) })
		if err == nil {
			err = l.far.do(func() error { return setNetem(l.farDevice, inward) })
		}
		if err == nil {
			l.inKernel = true
			return true, nil
		}
		if only || !lacking(err) {
			return false, fmt.Errorf("the kernel's netem: %w", err)
		}
		return false, nil
	}
	if only {
		return false, fmt.Errorf("%w: the kernel's netem cannot do %+v, %+v as the emulator does", netem.ErrConfig, outward, inward)
	}
	if l.inKernel {
		l.inKernel = false
		err = errors.Join(l.near.do(func() error { return removeNetem(l.device("d")) }),
			l.far.do(func() error { return removeNetem(l.farDevice) }))
	}
	return false, err
}

func rootQdisc(device string) (netlink.QdiscAttrs, error) {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return netlink.QdiscAttrs{}, err
	}
	return netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT}, nil
}

// setNetem sets what the kernel does to packets that leave an interface of the calling thread's
// namespace.
func setNetem(device string, c netem.Config) error {
	attrs, err := rootQdisc(device)
	if err != nil {
		return err
	}
	return netlink.QdiscReplace(netlink.NewNetem(attrs, netlink.NetemQdiscAttrs{
		Latency: uint32(c.Delay.Microseconds()), Limit: kernelLimit,
		Loss: float32(100 * c.Loss), CorruptProb: float32(100 * c.Corrupt),
	}))
}

func removeNetem(device string) error {
	attrs, err := rootQdisc(device)
	if err != nil {
		return err
	}
	err = netlink.QdiscDel(&netlink.GenericQdisc{QdiscAttrs: attrs, QdiscType: "netem"})
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) {
		return nil // there is none
	}
	return err
}

// kernelStats returns what the root queueing discipline of an interface of the calling thread's
// namespace has counted: all zeros if there is none.
func kernelStats(device string) (s LinkStats, err error) {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return LinkStats{}, err
	}
	disciplines, err := netlink.QdiscList(link)
	for _, q := range disciplines {
		counted := q.Attrs().Statistics
		if q.Attrs().Parent != netlink.HANDLE_ROOT || counted == nil || counted.Basic == nil || counted.Queue == nil {
			continue
		}
		s.Lost = uint64(counted.Queue.Drops)
		s.Sent = s.Lost + uint64(counted.Basic.Packets) + uint64(counted.Queue.Qlen)
	}
	return s, err
}
