// Package wire is what Fanfare puts on the network, and nothing else: ALC/LCT packets
// (RFC 5775, RFC 5651) from the sender to the group, the heartbeat that travels in one of
// them, and the feedback datagrams that edges send back.
//
// Every format has one Parse function, which fills a struct of the caller, and one Append
// function, which appends the encoding to a slice. What Append writes Parse reads back
// equal. Parse trusts nothing: each length is checked before it is used, each number
// against its range before arithmetic, each count against the limit of its type before
// anything is allocated. What it refuses it refuses with a sentinel error; Reason names it
// in a word, for counting. The package counts and logs nothing itself.
//
//	Parse, Append                      a packet; no allocation
//	ParseHeartbeat, AppendHeartbeat    the payload of a packet with HeartbeatTOI
//	ParseFeedback, AppendFeedback      a whole unicast datagram
//	ControlTOI, DataTOI, Sequence      how objects are named
//	HeaderLength, SymbolLength         what fits into a datagram
//	MaxInterleave, BackoffGroup, ...   what both ends rely on though no field says it (protocol.go)
//
// Heartbeat and feedback are MessagePack arrays (not maps) that begin with a format
// version. The few primitives are in msgpack.go: beside the general library they take a
// third of the time (BenchmarkHeartbeat), append to a slice within a limit, and refuse
// what it lets pass (a negative number where a count must be). A test holds them against
// the library.
//
// The package is pure: it reads no clock and no socket.
package wire
