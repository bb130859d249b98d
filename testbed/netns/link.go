package netns

import (
	"fmt"
	"sync"

	"fanfare/testbed/netem"
)

// Link is a link of a Network, between A and B as its Topology names them.
//
// Its near end is the port of a switch, its far end an interface of a host, a router or another
// switch. Without faults they are a pair of interfaces. With an emulator in between
// there are two pairs, and the emulator carries frames between their inner ends:
//
//	switch (p3) ═══ (y3) emulator (d3) ═══ (eth0) host
type Link struct {
	A, B string

	network   *Network
	number    int
	near, far *space
	farDevice string
	reverse   bool // near is B

	mu sync.Mutex // guards what follows
	// outward is what happens to packets from near to far, inward the other way.
	outward, inward netem.Config
	wire            *wire // nil without an emulator
	inKernel        bool  // faults are the kernel's
	cut             bool
}

// LinkStats counts what one direction of a link did since the link got its first fault. Nothing is
// counted of links without faults, and only Sent and Lost where the kernel makes them.
type LinkStats struct {
	netem.Stats
	// Missed counts packets that were lost because the emulator came too late for them, or could not
	// send them: on a machine with time to spare it is 0.
	Missed uint64
}

func (l *Link) device(kind string) string { return fmt.Sprintf("%s%d", kind, l.number) }

// make makes the pair of interfaces.
func (l *Link) make(farIsSwitch bool) error {
	offloads := l.network.topology.Offloads
	device := l.device("d")
	err := l.near.do(func() error {
		if err := addPair(device, l.farDevice, l.far, l.network.topology.MTU); err != nil {
			return err
		}
		if !offloads {
			if err := offloadsOff(device); err != nil {
				return err
			}
		}
		return plugIn(device)
	})
	if err != nil || !farIsSwitch {
		return err
	}
	return l.far.do(func() error {
		if !offloads {
			if err := offloadsOff(l.farDevice); err != nil {
				return err
			}
		}
		return plugIn(l.farDevice)
	})
}

// SetFaults sets what happens to packets from A to B and from B to A, in place of what happened
// before; what is under way is still delivered as it would have been. A link that had no faults so far
// is taken apart for the emulator to be put in: what crosses it in that moment is lost.
// It returns an error that wraps netem.ErrConfig, and changes nothing, if there can be no such link.
func (l *Link) SetFaults(aToB, bToA netem.Config) error {
	if err := aToB.Validate(); err != nil {
		return err
	}
	if err := bToA.Validate(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	outward, inward := aToB, bToA
	if l.reverse {
		outward, inward = bToA, aToB
	}
	if err := l.setFaults(outward, inward); err != nil {
		return fmt.Errorf("netns: faults of link %s - %s: %w", l.A, l.B, err)
	}
	l.outward, l.inward = outward, inward
	return nil
}

func (l *Link) setFaults(outward, inward netem.Config) error {
	if l.wire == nil {
		done, err := l.setInKernel(outward, inward)
		if done || err != nil {
			return err
		}
		if err := l.putIn(); err != nil {
			return err
		}
	}
	return l.wire.reconfigure(outward, inward)
}

// Faults returns what SetFaults or the Topology set last.
func (l *Link) Faults() (aToB, bToA netem.Config) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reverse {
		return l.inward, l.outward
	}
	return l.outward, l.inward
}

// Stats returns what the link has done to packets from A to B and from B to A.
func (l *Link) Stats() (aToB, bToA LinkStats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var outward, inward LinkStats
	switch {
	case l.wire != nil:
		outward, inward = l.wire.stats()
	case l.inKernel: // an interface that is gone has counted nothing
		_ = l.near.do(func() (err error) { outward, err = kernelStats(l.device("d")); return err })
		_ = l.far.do(func() (err error) { inward, err = kernelStats(l.farDevice); return err })
	}
	if l.reverse {
		return inward, outward
	}
	return outward, inward
}

// Cut takes the link down, as when the cable is pulled out. Both ends keep their addresses and
// their groups. Heal plugs it in again.
func (l *Link) Cut() error { return l.setCut(true) }

// Heal ends a Cut.
func (l *Link) Heal() error { return l.setCut(false) }

func (l *Link) setCut(cut bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	devices := []string{l.device("d")}
	if l.wire != nil {
		devices = append(devices, l.device("y"))
	}
	err := l.near.do(func() error {
		if err := setUp(!cut, devices...); err != nil || cut {
			return err
		}
		return awaitUp(devices...)
	})
	if err == nil && !cut {
		err = l.far.do(func() error { return awaitUp(l.farDevice) })
	}
	if err != nil {
		return fmt.Errorf("netns: link %s - %s: %w", l.A, l.B, err)
	}
	l.cut = cut
	return nil
}

// putIn takes the link apart and puts the emulator in.
func (l *Link) putIn() error {
	e, err := l.network.theEmulator()
	if err != nil {
		return err
	}
	inner, outer, port := l.device("d"), l.device("y"), l.device("p")
	// The emulator sees packets as they are on a real cable: complete with their checksums.
	if err := l.far.do(func() error { return cableLike(l.farDevice) }); err != nil {
		return err
	}
	var w *wire
	err = l.near.do(func() error {
		if err := unplug(inner); err != nil {
			return err
		}
		if err := addPair(outer, port, nil, l.network.topology.MTU); err != nil {
			return err
		}
		for _, device := range []string{inner, outer, port} {
			if err := cableLike(device); err != nil {
				return err
			}
		}
		if _, err := bareLink(outer); err != nil {
			return err
		}
		if w, err = e.newWire(outer, inner, l.network.topology.MTU, l.network.frames(), l.seed()); err != nil {
			return err
		}
		if err := setUp(!l.cut, inner, outer); err != nil {
			return err
		}
		return plugIn(port)
	})
	if err != nil {
		w.close()
		return err
	}
	l.wire = w
	if err := e.add(w); err != nil || l.cut {
		return err
	}
	return l.near.do(func() error { return awaitUp(inner, outer, port) })
}

// seed gives each link of a network random numbers of its own.
func (l *Link) seed() [2]uint64 { return [2]uint64{l.network.topology.Seed, uint64(l.number)} }
