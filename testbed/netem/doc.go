// Package netem is a model of one direction of a network link: what happens to a packet
// between two hosts. It is pure: it is told the time and draws from a source of random numbers
// that it is given, so the same seed makes the same faults in a simulation, in an emulator
// between real sockets, and in a test.
//
// A packet meets, in this order, the transmitter (Rate, with a bounded Queue), a cut, loss
// (independent, in bursts, and of multicast alone), the line (Delay, Jitter, Reorder), duplication,
// and corruption.
//
// The contract: one goroutine owns a Link, and the time that it is told never goes back. A
// Link knows packets by their size only, and whether they go to a group; whoever carries the bytes
// does as Arrivals says, and damages them with Flip. Who carries no bytes takes a corrupted arrival
// for a loss, as the checksum of a real packet would have it.
package netem
