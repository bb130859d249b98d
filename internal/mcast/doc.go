// Package mcast is Fanfare's way to the network: UDP sockets that join and send to
// multicast groups, a wait that is exact to some 50 µs, and the clock the engines run on.
// It works on Linux, for IPv4 and IPv6, any-source and source-specific groups.
//
// A daemon is one goroutine on one locked thread that owns an engine, its sockets and a
// Poller:
//
//	runtime.LockOSThread()
//	for {
//		poller.Wait(engine.NextTimeout())
//		now := clock.Now()
//		for more := true; more; more = conn.More() {
//			batch, err := conn.Read()     // never blocks
//			// hand each datagram to the engine
//		}
//		// run what other goroutines queued before they called poller.Wake
//		// drain the engine's events and packets, conn.Write(batch)
//	}
//
// Where packets stream in, Rest before the next Read lets some gather, and the Wait can be left
// out: a Read that finds nothing costs no more.
//
// # What reaches the caller
//
// A socket made by Join is bound to the group's own address and told to hear only what it
// joined itself. Datagrams of another group on the same port, of the same group on
// another interface, or of another source in a source-specific join never reach the
// caller, whatever other programs on the machine have joined.
//
// # Buffers
//
// A batch that Read returns belongs to the Conn: payloads may be read until the next
// Read of that Conn, and not be kept. Under the race detector (build tag race) Read
// overwrites the payloads of the batch before, so that a keeper fails a test.
// Neither Read nor Write allocates.
//
// # Trains
//
// A system call, and the way through the kernel, cost more than the datagram. So neighbours of
// one length that are written together pass the kernel as one (UDP_SEGMENT) and are cut by
// the network card or, where it cannot, as late as possible; datagrams of one stream that arrive
// together are joined and cut again by Read (UDP_GRO, group sockets only). Callers see
// datagrams only. Where kernel or interface cannot do it, datagrams go one by one, and Stats say
// so. SO_RXQ_OVFL counts a train that found no room as one: see Datagram.Dropped.
//
// # What counts as an error
//
// A datagram that the network refused is a lost datagram, which the protocol above is
// made for: a full queue, a link that is down, a missing route and an ICMP "port
// unreachable" are counted in Stats and are not errors. An error from Read or
// Write means that the socket is of no further use or that the caller asked for something
// impossible, such as a datagram above the MTU: nothing is ever fragmented.
package mcast
