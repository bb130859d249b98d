// Package netns builds networks of real Linux network namespaces: hosts, switches, routers, and
// links with faults between them. Real processes and real sockets run in it, without a
// change to the machine.
//
// Open builds the simplest: one origin host, any number of edge hosts, a switch between them.
//
//	          switch (a bridge)
//	   ┌─────────┬──────┴────┬───────────┐
//	 origin    edge 0      edge 1     edge ...
//	10.77.0.1  10.77.1.1   10.77.1.2
//	fd77::1    fd77::1:1   fd77::1:2
//
// Build builds any tree of hosts, switches and routers:
//
//	n, err := netns.Build(netns.Topology{
//		Hosts:    []string{"origin", "edge-1", "edge-2"},
//		Switches: []netns.Switch{{Name: "left", Snooping: true}, {Name: "right", Snooping: true}},
//		Routers:  []string{"router"},
//		Links: []netns.LinkConfig{
//			{A: "left", B: "origin"}, {A: "left", B: "edge-1"}, {A: "left", B: "router"},
//			{A: "router", B: "right"},
//			{A: "right", B: "edge-2", AtoB: netem.Config{Loss: 0.05, Delay: 20 * time.Millisecond}},
//		},
//	})
//
// # Addresses
//
// Each host has one interface, eth0, with an IPv4 and an IPv6 address, a route for multicast
// and routes to every segment that routers lead to. What switches alone connect is a segment: the
// s-th, from 0, is 10.(77+s).0.0/16 and fd77:0:0:s::/64. Its first host is 0.1 in it (::1), those
// after it are 1.1, 1.2, ... (::1:1, ::1:2, ...), its routers 255.1, 255.2, ... (::ff:1, ...).
//
// # Switches and routers
//
// A switch floods multicast to every port or, with Snooping, listens to IGMP and MLD and asks
// as a querier of IGMPv3 and MLDv2, so that only who joined gets anything. A router forwards in the
// kernel: it takes one hop off the TTL, asks for memberships, and lets a stream out where somebody
// listens, down to the single source. A link between two machines without a switch has one of its
// own that nobody sees.
//
// # Faults
//
// Each direction of a link does what a netem.Config says, from the start or since SetFaults. Where the
// kernel has tc netem and it does just what is asked (delay, loss, corruption), it makes the faults.
// Otherwise our emulator does: packet sockets on both sides of a gap in the link, and netem's model
// between them. It works without root, carries everything that a cable would, in frames as long as
// the MTU and with their checksums, and is told by the kernel when a frame came, so that a busy
// machine delays frames seldom and by little. Config.Loss, in a Bed, is cheaper and cruder: a rule
// in nftables where a host's packets arrive, which loses UDP, and TCP if wanted.
//
// BenchmarkEmulator says what the emulator costs.
//
// # Rights
//
// Making a namespace takes root, or a user namespace in which one is root. A command or a
// test that wants a bed says so before it does anything else:
//
//	func TestMain(m *testing.M) {
//		if err := netns.Enter(); err != nil {
//			fmt.Fprintln(os.Stderr, err) // the tests that need a bed will skip
//		}
//		os.Exit(m.Run())
//	}
//
// Enter does nothing for those who may; for the others it starts the program again in a
// user namespace. Where neither works, Open and Build return ErrNotAllowed.
//
// # Nothing is left behind
//
// No namespace has a name: file descriptors of this process hold them, and a process
// started in one dies with it. When the process ends, even by kill -9, the kernel takes
// everything away.
package netns
