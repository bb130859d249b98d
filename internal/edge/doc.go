// Package edge is the edge daemon: it receives what an origin sends to a multicast group,
// keeps it in an edgecache, and serves it over HTTP.
//
// # Who owns what
//
//	loop       one goroutine on a locked thread. It owns the sockets, receiver.Engine, the feed,
//	           and the writing half of edgecache: everything that a packet may change.
//	fetcher    gets entries over HTTP and verifies them.
//	prover     shows the origin what it has signed, when there is doubt (see doubt.go).
//	blocks     gets source blocks over HTTP, which the loop verifies (see unicast).
//	committer  makes bundles durable (fsync), those together that are ready together.
//	hardener   makes entries durable before they are reported.
//	HTTP       the cache's handler, /healthz, /readyz, /metrics.
//
// The others hand their results to the loop in one bounded queue and wake it; they never
// touch its state. What HTTP tells of the loop is what the loop put into readiness, or
// answered when it was asked for a snapshot.
//
// # How an entry gets here
//
// By multicast, in a control object of its own; if that was lost, by NACK, since the signed
// head in every heartbeat says which entries there are; if many are missing, after a start,
// or when NACKs did not help, by HTTP from the origin (see feed). All ways end in one
// function, which has the bundle of a publish expected.
//
// In a one-way session there is no feedback and no fetcher, and no socket but the group's: what
// was lost comes again when the origin repeats the log and the bundles (see oneway.go).
//
// # An origin that has forgotten
//
// If a sender that is new ends its log before what the edge has, or an entry does not follow from
// those here, the origin's directory may be an older copy of itself. Or somebody plays old packets
// again; so the edge shows the origin what that has signed, over HTTP, and goes by its answer.
// While the origin is outdated the edge serves what it has, takes no entries, and says so in
// /readyz; it asks again now and then, and as soon as it hears another head. One that starts in
// that time is not ready and serves nothing, since it cannot know what it has missed. In a one-way
// session it can only tell in its log; when it starts it waits for a head that is not below what it
// has.
//
// # How a bundle gets here
//
// Its entry, or a packet with EXT_FTI that came before the entry, begins it in the cache and
// in the engine. The engine counts symbols; the cache keeps them. When the engine says that
// a block has enough, the cache decodes, verifies and writes it, and the engine is told the
// outcome. A block that is not what the origin signed, since somebody forged a symbol of it, is
// fetched over HTTP from the origin, which paces that; so is, while the edge is demoted, every
// block that was sent and is missing (see unicast). It is verified and written in the same way,
// so that what multicast brings and what HTTP brings mix. A block that is wrong there, too, is
// damaged at the origin: the report says so. When every block is verified the committer makes the
// bundle durable, and then it is served and reported.
//
// A bundle whose file is lost, while the edge is down or while it runs, is wanted by the cache again
// (see edgecache): it is expected and asked for like any that did not come, and reported as missing
// until it has.
//
// # The start
//
// The cache is opened before the group is joined: it may read gigabytes of what is half there, and
// what overflows a socket meanwhile would look like the loss of an edge that cannot keep up, by
// which the origin chooses repair for all. What was sent before the edge joined it asks for like any
// that comes late.
//
// # Which file holds what
//
//	edge.go          Config, Run, and what is opened for it
//	loop.go          the loop; packet.go (what comes in), entry.go (the log), bundle.go, report.go
//	                 (feedback), outdated.go, stats.go (what it counts), seldom.go (what it tells)
//	oneway.go identity.go
//
//	what it decides  feed.go (how entries are got), unicast.go (which blocks are fetched), doubt.go (when
//	                 the origin is asked), harden.go (when the index is synced), rest.go (when it pauses)
//	what it holds    assemble.go (control objects), verifier.go (signatures), warmup.go (until it is ready)
//	beside it        workers.go (all of them), fetch.go, blocks.go, prover.go, commit.go, outbox.go
//	                 (where they put what they have for it); the hardener is in harden.go
//	HTTP             server.go, gate.go (which closes it), ready.go, metrics.go
package edge
