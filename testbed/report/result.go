// Package report shows what a run of the test bed measured: as a table on a terminal, as
// JSON, and as one HTML file with plots that needs no network.
package report

import "time"

// Verdict says how something that was expected came out.
type Verdict string

const (
	Held    Verdict = "held"
	Failed  Verdict = "failed"
	Skipped Verdict = "skipped" // it could not be tried here; the reason stands beside it
)

// Run is what one `fanfare testbed run` measured: the scenarios in the order given.
type Run struct {
	Started time.Time `json:"started"`
	// Seconds is how long all of it took in real time.
	Seconds float64  `json:"seconds"`
	Results []Result `json:"results"`
}

// Verdict is Failed if any scenario failed, Skipped if none was run, else Held.
func (r *Run) Verdict() Verdict {
	verdict := Skipped
	for i := range r.Results {
		switch r.Results[i].Verdict {
		case Failed:
			return Failed
		case Held:
			verdict = Held
		}
	}
	return verdict
}

// Bed is what a scenario was run in.
type Bed string

const (
	Namespaces Bed = "namespaces" // real processes, real sockets
	Simulation Bed = "simulation" // the engines, in simulated time, without payload
)

// Result is what one scenario came to. All times At are seconds since the start of its timeline,
// simulated seconds in a simulation. Series are in order of time.
type Result struct {
	Name  string `json:"name"`
	About string `json:"about"` // prose
	File  string `json:"file"`
	Bed   Bed    `json:"bed"`
	Seed  uint64 `json:"seed"`
	// Where says in one sentence what the machines and links were.
	Where string `json:"where"`
	// Rate is what the origin may send, in bits per second.
	Rate uint64 `json:"rate"`

	Verdict Verdict `json:"verdict"`
	// Reason says why it was skipped or could not be finished; empty else.
	Reason string `json:"reason,omitempty"`
	// Seconds is how long the timeline took, Elapsed the same with start and checks, in real time.
	Seconds float64 `json:"seconds"`
	Elapsed float64 `json:"elapsed"`

	Expectations []Expectation `json:"expectations"`
	// Timeline is what was done, and when.
	Timeline     []Moment      `json:"timeline"`
	Publications []Publication `json:"publications"`
	// Purges are the purges whose latency was measured.
	Purges  []Purge  `json:"purges,omitempty"`
	Edges   []Edge   `json:"edges"`
	Origin  Origin   `json:"origin"`
	Totals  Totals   `json:"totals"`
	Samples []Sample `json:"samples"`
	// Notes are what a reader must know beside the numbers: what was skipped, and why.
	Notes []string `json:"notes,omitempty"`
	// Trace is the hash of everything that happened in a simulation, hexadecimal: the same
	// scenario and seed give the same.
	Trace string `json:"trace,omitempty"`
}

// Expectation is one thing that was expected, and how it came out.
type Expectation struct {
	// Name is a short phrase: "all bytes equal", "completion time".
	Name string `json:"name"`
	// Want and Got are for people, with units: "at most 20 s", "12.3 s".
	Want    string  `json:"want"`
	Got     string  `json:"got"`
	Verdict Verdict `json:"verdict"`
	// Details are the first few things that were not as they must be.
	Details []string `json:"details,omitempty"`
}

// Moment is one event of the timeline.
type Moment struct {
	At   float64 `json:"at"`
	What string  `json:"what"` // "kill edge-2"
}

// Publication is what became of one publication.
type Publication struct {
	Name     string  `json:"name"`
	Objects  int     `json:"objects"`
	Bytes    int64   `json:"bytes"`
	First    uint64  `json:"first"` // sequences
	Last     uint64  `json:"last"`
	Acked    float64 `json:"acked"`    // seconds from the call to the origin's acknowledgement
	At       float64 `json:"at"`       // the call
	Seconds  float64 `json:"seconds"`  // from the call until the last expected edge served it; -1: not all did
	Served   int     `json:"served"`   // edges that did
	Expected int     `json:"expected"` // edges that should
	// Edges are the same edge by edge, in the order of Result.Edges: seconds from the call,
	// -1 for one that never did.
	Edges []float64 `json:"edges"`
}

// Purge is one purge whose latency was measured, from the call of the API.
type Purge struct {
	At float64 `json:"at"`
	// Edges are the seconds until each edge answered 404, in the order of Result.Edges; -1 for
	// one that was not there or never did. In a simulation: until the entry had arrived.
	Edges []float64 `json:"edges"`
}

// Edge is one edge at the end.
type Edge struct {
	Name string `json:"name"`
	// Running is false for one that the timeline left stopped.
	Running bool `json:"running"`
	// Counters of the edge's own, since it last started.
	PacketsReceived uint64 `json:"packets_received"`
	PacketsLost     uint64 `json:"packets_lost"`
	SocketDrops     uint64 `json:"socket_drops"` // part of PacketsLost
	NACKsSent       uint64 `json:"nacks_sent"`
	BlocksDecoded   uint64 `json:"blocks_decoded"`
	// RTTSeconds is the round trip that it measured, 0 if none.
	RTTSeconds float64 `json:"rtt_seconds"`
	// Down and Up are what its links did, as they count it themselves.
	Down Link `json:"down"`
	Up   Link `json:"up"`
	// Problem is why it does not hold everything, if it said so.
	Problem string `json:"problem,omitempty"`
}

// Link is what one direction of a link did to packets.
type Link struct {
	// Faults says in words what it was told to do: "5% loss, 20ms delay".
	Faults string `json:"faults"`
	// Counted says that the numbers below were counted.
	Counted    bool   `json:"counted"`
	Sent       uint64 `json:"sent"`
	Lost       uint64 `json:"lost"` // of Sent, queue drops included
	QueueDrops uint64 `json:"queue_drops"`
	Duplicated uint64 `json:"duplicated"`
	Reordered  uint64 `json:"reordered"`
	Corrupted  uint64 `json:"corrupted"`
}

// Loss is the share of packets that was really lost.
func (l Link) Loss() float64 { return float64(l.Lost) / float64(max(l.Sent, 1)) }

// Origin is what the origin counted, over all its starts.
type Origin struct {
	BytesSent         uint64  `json:"bytes_sent"` // IP packets in full
	SourceSymbolsSent uint64  `json:"source_symbols_sent"`
	RepairSymbolsSent uint64  `json:"repair_symbols_sent"`
	NACKsReceived     uint64  `json:"nacks_received"`
	GRTTSeconds       float64 `json:"grtt_seconds"`
}

// Totals are the numbers that scenarios are compared by.
type Totals struct {
	// PublishedBytes is the length of all objects published.
	PublishedBytes int64 `json:"published_bytes"`
	// WireBytes left the origin, FeedbackBytes the edges, link headers included.
	WireBytes     uint64 `json:"wire_bytes"`
	FeedbackBytes uint64 `json:"feedback_bytes"`
	// Overhead is WireBytes over PublishedBytes, FeedbackShare FeedbackBytes over WireBytes.
	Overhead      float64 `json:"overhead"`
	FeedbackShare float64 `json:"feedback_share"`
	// PurgeP50, PurgeP99 and PurgeMax are over all purges and edges, in seconds.
	PurgeP50 float64 `json:"purge_p50,omitempty"`
	PurgeP99 float64 `json:"purge_p99,omitempty"`
	PurgeMax float64 `json:"purge_max,omitempty"`
}

// Sample is the state at one time. Counters are since the start of the timeline and never
// fall, also when a process is killed.
type Sample struct {
	At            float64 `json:"at"`
	WireBytes     uint64  `json:"wire_bytes"`
	FeedbackBytes uint64  `json:"feedback_bytes"`
	SourceSymbols uint64  `json:"source_symbols"`
	RepairSymbols uint64  `json:"repair_symbols"`
	NACKs         uint64  `json:"nacks"` // received by the origin
	// Edges are in the order of Result.Edges.
	Edges []EdgeSample `json:"edges"`
}

// EdgeSample is one edge at one time.
type EdgeSample struct {
	// Bytes is how much of all that had been published the edge held, complete or not.
	Bytes int64 `json:"bytes"`
	// Received is what came to its interface, link headers included, before loss.
	Received uint64 `json:"received"`
	// Lost counts packets that it missed so far.
	Lost uint64 `json:"lost"`
	// Up says that its process ran and its link was not cut.
	Up bool `json:"up"`
}
