// Package sim runs the real sender and receiver engines over simulated links, in simulated
// time, as discrete events in one goroutine. No payload is carried: Reed-Solomon is MDS, so
// counting symbols is all that decoding needs. The same configuration and seed give the same
// run, event for event; Result.Trace is a hash of it.
//
// Around the engines stand the shortest loops that keep their contract. The sender's holds the
// log: each publication is a data object and, if wanted, a control object before it. The
// edge's learns of the log from control objects and from the head in heartbeats, expects what
// it finds there, and answers every BlockReady at once.
//
// An edge may have an Intake: what arrives then waits in a receive buffer, which drops what it has no
// room for.
//
// A demoted edge gets what it misses by an ideal unicast: a round trip after it could have asked.
//
// A log is either of stand-ins that say nothing (Publish, Add) or of real entries (PublishObjects,
// Purge, Remove, Retire): signed and chained by the origin, and applied as they arrive to a real
// control.Catalogue at each edge, with a store beside it that survives a restart. An edge that is many
// entries behind fetches them by unicast, which costs it a round trip. Result.Log says whether
// catalogues agree and whether anything purged was served; which versions are purged is worked out
// again from selectors, without a catalogue. Entries and manifests are shared by all edges.
//
// What a run cost is judged by three numbers:
//
//   - symbols sent over source symbols, beside Ideal, which no code of this block length can beat;
//   - RepairedTwice, by an account of the simulator's own: transmissions of a block beyond the
//     largest that any ask for it, at what its edge had seen, called for;
//   - Surplus: transmissions of a block after the last edge had enough of it.
package sim
