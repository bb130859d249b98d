// Package origin is the origin daemon: it takes publications and purges, keeps them in a log
// and a spool on disk, sends them to every edge by multicast, repairs what was lost, and knows
// which edge has what.
//
// What stands in the origin's directory:
//
//	origin.yaml      configuration of this machine
//	session.ff       what an edge must know; the origin reads it too
//	signing.key      Ed25519 private key, PEM, readable by the owner only
//	log/             entries by sequence, small bundles for a while, expected edges, and what edges
//	                 have shown that this log lacks (Pebble)
//	spool/N.bundle   the bundle that entry N publishes
//	fanfare.sock     local API while the origin runs
//	lock             held while the origin runs
//
// Who owns what: one goroutine, the loop, owns the sender engine, the sockets and the open
// bundle files; others hand it calls. The log's head and the catalogue belong to whoever
// appends, one at a time; readers of the catalogue take a lock. The table of edges is written
// by the loop and read by the API under its own lock.
//
// Edges that cannot keep up, or have a block that was forged, fetch ranges of bundles over HTTP
// (catchup.go, ranges.go): all together at catch_up_rate at most, some at a time, in goroutines of
// their own, from the page cache to the connection. The loop knows nothing of it.
//
// A one-way origin ignores what edges send and repeats everything: internal/carousel says what and
// when, and the loop (oneway.go) hands it to the engine behind what was just published.
//
// An origin whose directory is an older copy of itself (a backup that took the place of a newer
// one) numbers anew what it has forgotten. Edges notice, and show it a head or an entry that it
// signed and does not have; its own signature is the proof, so that nobody can forge one, and
// playing an old one again proves nothing (outdated.go). From then on, restarts included, nothing
// is published or purged. So that they can object in time, what comes right after a start waits
// until every edge that was expected has reported that it follows the log, a second at most.
// Reports tell the hash at the edge's mark: those of an edge that follows another log count for
// nothing (standing.go; package marks has the hashes, so that invented reports cost the loop no
// read of the log). What remains: an older copy that no edge hears within that second can
// append to its log, and only later learns what it is.
//
// A bundle of which every object was replaced, purged or removed is not sent any further
// (supersede.go): its first pass is broken off, and a retire entry tells the edges, which may lack
// its manifest, at once. One that every edge has already is retired after a while.
//
// Order of a publication: bundles synced and named, directory synced, entries synced, entries
// and bundles sent, request answered. One small bundle alone is synced in the log, in one write with
// its entry, and as a file soon after (package spool, journal.go). A sync that fails ends the daemon.
//
// # Which file holds what
//
// Rooms of their own are spool, which makes bundles of publications and keeps them; payload, which
// reads and computes the symbols that the loop sends; edges, which knows of each edge what it has
// reported; and marks, which tells whether that is of this log.
//
//	origin.go        Open and Run, and how it all hangs together
//	init.go          a new directory
//	config.go path.go
//
//	the log          log.go (on disk), append.go (the only way in), replay.go (at the start),
//	                 headfile.go (how far it had got), outdated.go (whether it is the newest copy)
//	retirement       retire.go, supersede.go (what is still being sent), purged.go (what must be
//	                 purged by name before)
//	sending          loop.go (the goroutine, and what goes into the engine), send.go (what comes out
//	                 of it), train.go (how much at once), backlog.go (bundles that wait), proactive.go,
//	                 unsendable.go (what cannot be read), oneway.go (the carousel)
//	feedback         intake.go (how much is looked at), standing.go (reports of another log)
//	HTTP             server.go (listeners), handlers.go (the local API), body.go slots.go (how
//	                 publications are read), follow.go wait.go (receipts), status.go, metrics.go help.go
//	for edges        entries.go (the log), ranges.go (bundles), catchup.go (how fast)
package origin
