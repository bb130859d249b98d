// Package api is the local API of the origin: the messages, and a client for them.
//
// The API is HTTP with JSON over a Unix socket, or over TCP if the operator asks for it.
//
//	POST   /v1/publish?host=&prefix=&tag=&header=&priority=&proactive=   a tar stream -> PublishResult
//	POST   /v1/purge                                PurgeRequest -> Invalidation
//	POST   /v1/remove                               RemoveRequest -> Invalidation
//	GET    /v1/wait?first=&last=&timeout=&generation=   a stream of Receipts, one JSON value a line
//	GET    /v1/ls?prefix=&after=&limit=             -> Listing
//	GET    /v1/status                               -> Status
//	DELETE /v1/edges/NAME                           forgets an expected edge
//
// A POST with wait=TIMEOUT goes on as GET /v1/wait does: behind the result, in the same answer, come
// Receipts, the first after 100 ms at the latest; the result comes with it. An origin whose edges
// cannot answer refuses it.
//
// And for edges, on the advertised TCP port as well (their client is package fetch):
//
//	GET    /v1/entries?from=&generation=            framed entries, see ReadEntry
//	POST   /v1/proof?generation=                    a head or an entry as sent -> Proof
//	GET    /v1/bundles/SEQUENCE?generation=         a Range of a bundle as it is sent, paced
//
// Over the Unix socket a publication may bring open files beside its tar stream: where their bytes
// would be stands an entry of type handover.TypeRows, with a row for each file, in the order in
// which they were handed over. The origin reads them for itself; it can read no file that its
// publisher could not open.
//
// An error is a JSON object {"error": ..., "hint": ...} with a fitting status.
package api

import (
	"fmt"
	"time"
)

// SocketName is the file name of the Unix socket in the origin's directory.
const SocketName = "fanfare.sock"

// Header is one HTTP header field that objects are published with.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// PublishOptions say what the files of a publication become.
type PublishOptions struct {
	// Host is the host whose URLs the files answer; empty for every host.
	Host string
	// Prefix is the URL path that the files' names are appended to; empty means "/".
	Prefix  string
	Tags    []string
	Headers []Header
	// Priority is which of several publications is sent first: urgent, normal or background; empty
	// means normal.
	Priority string
	// Proactive is how much repair goes with it unasked; see ParseProactive.
	Proactive string
}

// Sequences is the entries that a request appended to the log: First to Last, both included.
type Sequences struct {
	// Generation is whose numbers these are; empty means that of the origin that is asked.
	Generation string `json:"generation,omitempty"`
	First      uint64 `json:"first"`
	Last       uint64 `json:"last"`
}

func (s Sequences) appended() Sequences { return s }

// PublishResult is what became of a publication.
type PublishResult struct {
	Sequences
	Objects int    `json:"objects"`
	Bytes   uint64 `json:"bytes"`
	// Bundles is how many bundles carry the objects.
	Bundles int `json:"bundles"`
	// Edges is how many edges are expected to serve it.
	Edges int `json:"edges"`
}

// Invalidation is what became of a purge or a removal.
type Invalidation struct {
	Sequences
	// Objects is how many published objects it took away.
	Objects int `json:"objects"`
}

// PurgeRequest selects what is purged: everything that one of the selectors matches.
type PurgeRequest struct {
	Keys     []string `json:"keys,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	Prefixes []string `json:"prefixes,omitempty"`
	All      bool     `json:"all,omitempty"`
}

// RemoveRequest names the keys that are no more.
type RemoveRequest struct {
	Keys []string `json:"keys"`
}

// Receipt says which of the expected edges serve the entries First to Last.
type Receipt struct {
	Sequences
	// Seconds since the origin appended the entries.
	Seconds float64 `json:"seconds"`
	// Served is how many of Edges do.
	Served int           `json:"served"`
	Edges  []EdgeReceipt `json:"edges"`
	// Complete says that all of Edges do.
	Complete bool `json:"complete"`
	// Final marks the last Receipt of a stream.
	Final bool `json:"final"`
}

// EdgeReceipt is one edge's part of a Receipt.
type EdgeReceipt struct {
	Name   string `json:"name"`
	Served bool   `json:"served"`
	// Seconds from the append until the edge's report came that it serves everything.
	Seconds float64 `json:"seconds,omitempty"`
	// Fraction of the bytes that the edge has, 0 to 1, as far as is known.
	Fraction float64 `json:"fraction"`
	// Reason says in a few words why the edge does not serve it; empty while it is on its way.
	Reason string `json:"reason,omitempty"`
	// SilentSeconds is how long ago the edge was last heard; -1 if not since the origin's start.
	SilentSeconds float64 `json:"silent_seconds"`
}

// Row is one published object.
type Row struct {
	// Key is the URL without scheme: //HOST/PATH, or /PATH for every host.
	Key      string   `json:"key"`
	Length   uint64   `json:"length"`
	Sequence uint64   `json:"sequence"`
	Digest   string   `json:"digest"` // BLAKE3 of the body, hexadecimal
	Tags     []string `json:"tags,omitempty"`
	Headers  []Header `json:"headers,omitempty"`
}

// Listing is a page of rows in key order.
type Listing struct {
	Rows []Row `json:"rows"`
	// More is what to give as after for the next page; empty on the last one.
	More string `json:"more,omitempty"`
}

// Status is how the origin and its edges are.
type Status struct {
	Channel    uint32 `json:"channel"`
	Generation string `json:"generation"`
	Group      string `json:"group"`
	Source     string `json:"source,omitempty"`
	Interface  string `json:"interface"`
	Origin     string `json:"origin"`
	// Mode is two-way, or one-way if edges have no path to the origin.
	Mode string `json:"mode"`
	// Carousel is what a one-way origin repeats.
	Carousel *Carousel `json:"carousel,omitempty"`
	Rate     uint64    `json:"rate"` // bits per second
	Started  time.Time `json:"started"`
	// Head is the newest entry, Digest that of the catalogue as of Head, hexadecimal.
	Head    uint64 `json:"head"`
	Digest  string `json:"digest"`
	Objects int    `json:"objects"`
	// Outdated says what is wrong if edges have shown that the origin's directory is an older copy of
	// itself, so that it refuses what would change its log.
	Outdated string `json:"outdated,omitempty"`
	// SpoolBytes is what the bundles take on the origin's disk.
	SpoolBytes uint64  `json:"spool_bytes"`
	Sender     Sender  `json:"sender"`
	CatchUp    CatchUp `json:"catch_up"`
	Edges      []Edge  `json:"edges"` // worst first
}

// Carousel is how far a one-way origin is in its cycle.
type Carousel struct {
	// Cycle counts from 1 at the origin's start; 0: none has begun.
	Cycle uint64 `json:"cycle"`
	// Sequence is the entry that the cycle has come to, of 1 to Head.
	Sequence uint64 `json:"sequence"`
	// BytesSent is what the cycle has sent, of about Bytes; Seconds is about how long a cycle takes.
	BytesSent    uint64  `json:"bytes_sent"`
	Bytes        uint64  `json:"bytes"`
	Seconds      float64 `json:"seconds"`
	PauseSeconds float64 `json:"pause_seconds"` // between two cycles
	// Proactive is the share of repair symbols, 0 to 1.
	Proactive float64 `json:"proactive"`
	// Repeats counts entries that were sent again outside of cycles.
	Repeats uint64 `json:"repeats"`
}

// Sender is what the origin has sent since its start.
type Sender struct {
	PacketsSent uint64 `json:"packets_sent"`
	// BytesSent counts IP packets in full.
	BytesSent         uint64 `json:"bytes_sent"`
	SourceSymbolsSent uint64 `json:"source_symbols_sent"`
	RepairSymbolsSent uint64 `json:"repair_symbols_sent"`
	// ProactiveSymbolsSent counts those of the repair symbols that nobody had asked for.
	ProactiveSymbolsSent uint64  `json:"proactive_symbols_sent"`
	HeartbeatsSent       uint64  `json:"heartbeats_sent"`
	NACKsReceived        uint64  `json:"nacks_received"`
	FeedbackInvalid      uint64  `json:"feedback_invalid"`
	GRTTSeconds          float64 `json:"grtt_seconds"`
	// Rate is what may be sent at present, in bits per second; Status.Rate is the most. RateAllowed
	// is what it would be but for edges that cannot take in more.
	Rate        uint64 `json:"rate"`
	RateAllowed uint64 `json:"rate_allowed"`
	// Sending is how many objects are in their first pass or being repaired.
	Sending int `json:"sending"`
}

// CatchUp is what the origin has sent by unicast, to edges that cannot keep up, since its start.
type CatchUp struct {
	Rate  uint64 `json:"rate"`  // bits per second, at most
	Bytes uint64 `json:"bytes"` // of bundles
	// Sending is how many ranges are being sent, Waiting how many requests wait for their turn.
	Sending int `json:"sending"`
	Waiting int `json:"waiting"`
	// Refused is how many requests were told to come again later.
	Refused uint64 `json:"refused"`
}

// Edge is how one expected edge is, by its last report.
type Edge struct {
	Name string `json:"name"`
	ID   string `json:"id"` // hexadecimal
	// Alive says that the edge was heard lately.
	Alive     bool      `json:"alive"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	// Behind is how many entries of the log it does not yet serve in full; Unknown says that this cannot
	// be told, since it was not heard since the origin's start or follows another log. Ahead is how many
	// entries it has beyond the origin's newest: the origin's directory is an older copy.
	Behind   uint64 `json:"behind"`
	Unknown  bool   `json:"unknown,omitempty"`
	Ahead    uint64 `json:"ahead,omitempty"`
	Mark     uint64 `json:"mark"`
	Complete uint64 `json:"complete"`
	// Differs says that its catalogue is not the origin's at the same mark.
	Differs bool `json:"differs,omitempty"`
	// Stray says that its catalogue is of a log that the origin does not have; what else is known
	// of the catalogue is left out.
	Stray bool `json:"stray,omitempty"`
	// Demoted says that its NACKs are not answered, since it is too far behind the others: it gets
	// what it misses by unicast.
	Demoted bool `json:"demoted,omitempty"`
	// RTTSeconds is the round trip; 0 while it is not known.
	RTTSeconds float64 `json:"rtt_seconds"`
	// Loss is the recent loss, 0 to 1, as the edge works it out for repair. Recent is what came of the
	// packets of the last half minute to a minute, nothing if it is not alive; all other counts are since
	// the edge's start.
	Loss            float64    `json:"loss"`
	Recent          Packets    `json:"recent"`
	PacketsReceived uint64     `json:"packets_received"`
	PacketsLost     uint64     `json:"packets_lost"`
	SocketDrops     uint64     `json:"socket_drops"` // part of PacketsLost
	NACKsSent       uint64     `json:"nacks_sent"`
	BlocksDecoded   uint64     `json:"blocks_decoded"`
	BlocksPoisoned  uint64     `json:"blocks_poisoned"`
	BlocksFetched   uint64     `json:"blocks_fetched"` // by unicast
	Failed          []Failure  `json:"failed,omitempty"`
	Progress        []Progress `json:"progress,omitempty"`
}

// Packets is what came, at one edge, of the packets of some time.
type Packets struct {
	Seconds  float64 `json:"seconds"`
	Received uint64  `json:"packets_received"`
	Lost     uint64  `json:"packets_lost"`
	// SocketDrops is part of Lost.
	SocketDrops uint64 `json:"socket_drops"`
}

// Failure is a bundle that an edge could not store.
type Failure struct {
	Sequence uint64 `json:"sequence"`
	Reason   string `json:"reason"`
}

// Progress is how much of a bundle an edge has.
type Progress struct {
	Sequence uint64 `json:"sequence"`
	Blocks   uint32 `json:"blocks"`
	Of       uint32 `json:"of"`
}

// Error is an error that the origin answered with.
type Error struct {
	Status  int    `json:"-"` // of HTTP
	Message string `json:"error"`
	// Hint says what to do about it.
	Hint string `json:"hint,omitempty"`
	// RetryAfter is when to come again, if the origin said so.
	RetryAfter time.Duration `json:"-"`
}

// Error returns the message and the hint.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return fmt.Sprintf("%s: %s", e.Message, e.Hint)
}

// badRequest is the status; package net/http, which names it, is too heavy for the client.
const badRequest = 400

// BadRequest returns the Error of a request that cannot be fulfilled as it is; hint may be empty.
func BadRequest(err error, hint string) error {
	return &Error{Status: badRequest, Message: err.Error(), Hint: hint}
}
