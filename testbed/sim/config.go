package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"fanfare/fec"
	"fanfare/receiver"
	"fanfare/sender"
	"fanfare/testbed/netem"
)

// Config describes a simulated network.
type Config struct {
	// Seed decides every random draw of the run.
	Seed uint64
	// Sender is the sender's configuration; TSI, Instance and Started are set by the run.
	Sender sender.Config
	// Receiver is that of every edge; TSI and Edge are set by the run.
	Receiver receiver.Config
	// Trunk is the link that all edges share, next to the origin, in its sending direction.
	Trunk netem.Config
	// Edges are the receivers.
	Edges []Edge
	// Proactive is how many repair symbols go with each block unasked; see sender.ObjectInfo.
	Proactive int
	// Entries sends a control object before each data object, as the origin's log does.
	Entries bool
	// MaxBlock is k of what AddObjects publishes; 0: 200.
	MaxBlock int
	// OneWay, if not nil, is a session without a return path; it needs Entries. What edges would send
	// is not there to be lost.
	OneWay *OneWay
	// Observe keeps a list of what arrived where, for Arrivals.
	Observe bool
}

// Edge is one receiver and its links.
type Edge struct {
	// Down carries what the origin multicasts, Up the edge's feedback.
	Down, Up netem.Config
	// Join is when the edge starts; negative: when StartEdge is called.
	Join time.Duration
	// Intake is at how many bits per second the edge takes packets out of its receive buffer; 0: at
	// once.
	Intake uint64
	// Buffer is the size of the receive buffer in bytes, of an edge with an Intake; 0: as large as
	// a real edge's, 80 ms of the sender's rate, but at least 4 MiB.
	Buffer int
}

// Star returns n edges with the same links.
func Star(n int, down, up netem.Config) []Edge {
	edges := make([]Edge, n)
	for i := range edges {
		edges[i] = Edge{Down: down, Up: up}
	}
	return edges
}

// Bundle returns the OTI of an object of some bytes as the origin would cut it: symbols of
// 1,408 bytes, blocks of at most k, n = 255.
func Bundle(bytes uint64, k int) fec.OTI {
	return fec.OTI{TransferLength: bytes, SymbolLength: 1408, MaxBlock: uint16(k), MaxSymbols: fec.MaxSymbols}
}

// stream returns a source of random numbers that depends on the seed and on what it is for.
func (c *Config) stream(purpose, index int) *rand.Rand {
	return rand.New(rand.NewPCG(c.Seed, uint64(purpose)<<56|uint64(index)))
}

// What random numbers are drawn for.
const (
	forSender = iota
	forTrunk
	forEdge
	forDown
	forUp
)

// links makes the links of an edge.
func (c *Config) links(i int) (down, up *netem.Link, err error) {
	if down, err = netem.New(c.Edges[i].Down, c.stream(forDown, i)); err != nil {
		return nil, nil, fmt.Errorf("sim: edge %d: %w", i, err)
	}
	if up, err = netem.New(c.Edges[i].Up, c.stream(forUp, i)); err != nil {
		return nil, nil, fmt.Errorf("sim: edge %d: %w", i, err)
	}
	return down, up, nil
}
