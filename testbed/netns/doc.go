// Package netns builds a small network of real Linux network namespaces: one origin
// host, any number of edge hosts, and a switch between them. Real processes and real
// sockets run in it, over links that lose packets, without a change to the machine.
//
//	          switch (a bridge)
//	   ┌─────────┬──────┴────┬───────────┐
//	 origin    edge 0      edge 1     edge ...
//	10.77.0.1  10.77.1.1   10.77.1.2
//	fd77::1    fd77::1:1   fd77::1:2
//
// Each host has one interface, eth0, with an IPv4 and an IPv6 address and a route for
// multicast. The switch floods multicast to every port. Loss is a rule in nftables where a
// host's packets arrive, each host with a random sequence of its own.
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
// user namespace. Where neither works, Open returns ErrNotAllowed.
//
// # Nothing is left behind
//
// No namespace has a name: file descriptors of this process hold them, and a process
// started in one dies with it. When the process ends, even by kill -9, the kernel takes
// everything away.
package netns
