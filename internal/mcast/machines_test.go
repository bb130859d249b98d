package mcast_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"fanfare/internal/mcast"
	"fanfare/testbed/netns"
)

// TestMain runs the tests where they may make network namespaces, if that can be had.
func TestMain(m *testing.M) {
	if err := netns.Enter(); err != nil {
		fmt.Fprintln(os.Stderr, err) // the tests that need a namespace will skip
	}
	os.Exit(m.Run())
}

// TestTrainsBetweenMachines sends across links that take trains whole, and across links that do
// not, with every family of groups.
func TestTrainsBetweenMachines(t *testing.T) {
	for _, offloads := range []bool{true, false} {
		for _, group := range []string{"239.77.1.2:7777", "[ff15::7777]:7777", "232.77.1.2:7777", "[ff35::8000:7777]:7777"} {
			t.Run(fmt.Sprintf("offloads=%v/%s", offloads, group), func(t *testing.T) {
				s, c := machines(t, netns.Config{Edges: 1, Offloads: offloads}, netip.MustParseAddrPort(group))
				t.Run("arrive", func(t *testing.T) { mcast.CheckTrains(t, s, c) })
				t.Run("too long", func(t *testing.T) { mcast.CheckTooLong(t, s, c) })
			})
		}
	}
}

// machines makes a sender and a receiver of a group on machines of their own.
func machines(t *testing.T, config netns.Config, group netip.AddrPort) (s, c *mcast.Conn) {
	t.Helper()
	hosts, err := netns.Open(config)
	if errors.Is(err, netns.ErrNotAllowed) {
		t.Skip("SKIPPED, no network namespaces can be made here: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hosts.Close() })
	o := mcast.Options{Group: group, Interface: hosts.Origin.Interface, ReceiveBuffer: 8 << 20}
	switch text := group.String(); {
	case strings.HasPrefix(text, "232."):
		o.Source = hosts.Origin.Addr4
	case strings.HasPrefix(text, "[ff35:"):
		o.Source = hosts.Origin.Addr6
	}
	open := func(host *netns.Host, open func(mcast.Options) (*mcast.Conn, error)) (c *mcast.Conn) {
		err := host.Do(func() (err error) { c, err = open(o); return err })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	return open(hosts.Origin, mcast.NewSender), open(hosts.Edges[0], mcast.Join)
}
