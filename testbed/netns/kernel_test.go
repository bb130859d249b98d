package netns

import (
	"errors"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"fanfare/testbed/netem"
)

// TestKernelStats reads the counters of a queueing discipline that every kernel with a test bed has.
func TestKernelStats(t *testing.T) {
	one, two := pair(t, EmulateInUserSpace, netem.Config{}, netem.Config{})
	l := two.Link()
	err := l.near.do(func() error {
		attrs, err := rootQdisc(l.device("d"))
		if err != nil {
			return err
		}
		return netlink.QdiscReplace(&netlink.Tbf{QdiscAttrs: attrs, Rate: 1e6, Buffer: 1e6, Limit: 1e6})
	})
	if lacking(err) {
		t.Skipf("SKIPPED: the kernel has no tbf: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	newProbe(t, one, two).measure(20, 100, 0, 50*time.Millisecond)
	l.inKernel = true
	if aToB, bToA := l.Stats(); aToB.Sent < 20 || aToB.Sent > 40 || aToB.Lost != 0 || bToA.Sent != 0 {
		t.Errorf("counted %+v, %+v", aToB, bToA)
	}
}

func TestKernelCan(t *testing.T) {
	for _, c := range []netem.Config{{Rate: 1}, {Jitter: ms}, {Duplicate: 0.1}, {Burst: netem.Bursts(0.1, 2)}, {Reorder: 0.1, ReorderDelay: ms}} {
		if kernelCan(c) {
			t.Errorf("the kernel cannot do %+v as the emulator does", c)
		}
	}
	if !kernelCan(netem.Config{Delay: ms, Loss: 0.1, Corrupt: 0.1}) {
		t.Error("the kernel can delay, lose and corrupt")
	}
	_, err := Build(Topology{
		Hosts: []string{"host"}, Switches: []Switch{{Name: "hub"}},
		Links:     []LinkConfig{{A: "hub", B: "host", AtoB: netem.Config{Rate: 1e6}}},
		Emulation: EmulateInKernel,
	})
	if errors.Is(err, ErrNotAllowed) {
		t.Skipf("SKIPPED: %v", err)
	}
	if !errors.Is(err, netem.ErrConfig) {
		t.Errorf("a rate by the kernel alone: %v", err)
	}
}
