// Package receiver knows what is missing, when to ask for it, and when a block can be decoded:
// it is the edge's half of the protocol, without sockets, files or a clock. Its counterpart is
// package sender, whose comment follows one repair round from the other side.
//
// # The contract
//
// An Engine is driven by a loop, about twenty lines and one goroutine, that owns the socket
// and the store. It takes inputs (Expect, Forget, HandlePacket, HandleHeartbeat, HandleResult,
// Supply, Emptied, Marked, SocketDropped, Backlog, RequestReport, HandleTimeout) and gives outputs
// (NextEvent, NextFeedback, NextTimeout). There is no callback, no channel and no lock:
//
//  1. one goroutine owns an engine;
//  2. now never goes back;
//  3. after the last Handle of a batch drain NextEvent, then NextFeedback, then arm NextTimeout;
//  4. same seed and same inputs give the same outputs, bit for bit, so never range over a map
//     where order can be seen.
//
// So the loop is:
//
//	for {
//		wait until engine.NextTimeout(), or for packets
//		now := clock.Now()
//		for each packet received {
//			if it is a heartbeat {
//				verify the head, Expect what it makes known
//				engine.HandleHeartbeat(now, &packet, &heartbeat)
//			} else if engine.HandlePacket(now, &packet) {
//				store the payload as (TOI, SBN, ESI)
//			}
//		}
//		engine.HandleTimeout(now)
//		for event, ok := engine.NextEvent(); ok; ... {
//			for BlockReady: decode, verify, write, engine.HandleResult(now, event, err)
//		}
//		for engine.NextFeedback(now, &message) {
//			complete the report, if there is one; send it to the origin
//		}
//	}
//
// The engine never sees a payload. Reed-Solomon is MDS: any k different symbols of a block are
// enough, so it only counts. No slice leaves it, and none that comes in is kept.
//
// # The story of one object
//
// The log entry that publishes a bundle arrives as a control object, and the loop has the
// engine Expect the bundle's data object. Or the entry was lost, and packets of the bundle
// come first: some of them carry EXT_FTI, which says how the object is cut, so that it can
// begin without (and Expect may follow). The entry itself is missed as soon as a heartbeat
// tells of a later head: then the loop expects its control object by number alone.
//
// Each packet of the object names a symbol. The first of a block makes an entry of it with a
// bitmap of its symbols; with the k-th the block is BlockReady, and the loop decodes and
// verifies. If it says that all is well, the block shrinks to a number in a list of ranges; if
// not, the block is emptied and asked for anew, ever more rarely. But a block that is not what the
// origin signed (ErrPoisoned) costs whoever forged a symbol of it one packet, and everybody else a
// block of repair: where the loop can fetch blocks by unicast it is never asked for again. Poisoned
// names it, Supply makes it whole. After the last block comes
// ObjectWhole, the engine forgets all but the TOI, and ignores what else comes for it.
//
// # When it asks
//
// Nothing is asked for until it is due: until every symbol of the block has been sent once.
// The heartbeats tell; so does a source symbol eight blocks further on, since no more than
// eight take turns. What is late but not lost is waited for as long as reordering has been
// seen to last.
//
// At every heartbeat each block that is due and needs e more symbols is judged against o, the
// symbols that the heartbeat lists as outstanding for it:
//
//   - e <= o: it is coming. Be silent.
//   - e > o, and never asked for: ask.
//   - e > o, and asked for before: ask again if this heartbeat was sent after that ask had reached
//     the sender. It was if it acknowledges the ask, or came later than a round trip after it.
//
// In a group of up to 16 edges an ask is made twice, a millisecond apart, when the end of the object is
// near: of two one arrives, and the sender takes them for one.
//
// There is no timer for an answer: the heartbeats carry the decision, and the sender's account
// makes a second ask harmless. All blocks wanted at one time go out in one message, each with
// its exact need; but from the second ask on, when nothing is coming any more, with e +
// ceil(e/2), because a second round lost costs more time than a symbol.
//
// An example, with a round trip of 20 ms. Block 7 has k = 200; packets 990 and 1000 of it were
// lost.
//
//	 0 ms  heartbeat 1001: first pass is at block 8, nothing outstanding. Block 7 is due, e = 2, o = 0:
//	       NACK (block 7, e = 2, h = 1001)
//	 5 ms  heartbeat 1050: nothing outstanding. e > o, but asked for 5 ms ago: silent
//	20 ms  heartbeat 1200: 2 outstanding in block 7. e <= o: silent
//	20 ms  packet 1201, a repair symbol: e = 1. Packet 1202, the other one, is lost
//	21 ms  heartbeat 1203: nothing outstanding, and it acknowledges the NACK. e = 1 > 0:
//	       NACK (block 7, e = 1 + 1, h = 1203)
//	41 ms  packet 1400, a repair symbol: BlockReady. Packet 1401 is not needed
//
// In groups of more than 64 edges nobody asks at once: a random back-off (RFC 5401) lets a few
// speak first, and the heartbeats that list what they asked for silence the others
// (NACKsSuppressed).
//
// # Reports
//
// Reports go out at the interval that heartbeats tell, 250 ms at least while symbols come and 2 s else.
// What the loop wants to tell (RequestReport) goes at once in groups of up to 64 edges, in larger ones
// spread over the interval, so that edges which finish together do not all report together
// (reporter.go). Reports are cumulative: one that is lost costs time only.
//
// # No return path
//
// With Config.OneWay nothing is asked for, and nothing reported. The sender repeats every object
// in cycles, as a rule with other symbols each time; a block waits with what it has until it
// has k different ones, whichever cycle they are from. An object that is not announced yet waits,
// too, as its entry may come a cycle later.
//
// # Congestion, and falling behind
//
// Reports tell the loss event rate of RFC 5348 (lossevents.go), by which an adaptive sender finds its
// rate; when it doubles, a report goes out soon. A receiver that loses much more than the others, or
// lags, is told in the acknowledgments of its feedback that it is Demoted: from then on it asks for
// control objects only, the loop gets blocks by unicast (Missing, Supply), and packets that come all
// the same are kept as before. Promoted ends it.
//
// How full this host's receive buffer is goes with every message (backlog.go); above an eighth it is
// told every 5 ms, or as often as the interval of reports allows, with the rate at which packets
// are taken out, so that the sender does not outrun this host. In groups of more than 64 edges only
// reports and asks tell it.
//
// # A new sender
//
// A heartbeat with another instance says that the sender was started anew: SenderRestarted.
// Its packet numbers mean something else, so asks, loss and round trip begin anew, but what
// was received stays.
//
// # What it remembers
//
// State lies with what is missing. Whole blocks are ranges; only blocks with some symbols, or
// asked for, have an entry. At most Config.MaxAskedBlocks are asked for at a time, oldest
// first, so that an edge that joins late and lacks everything needs no more memory than one
// that lacks little, and does not flood the sender. What finds no room is refused, counted in
// Stats, and asked for when there is room. Packets and hints are not trusted further than they
// must be: what contradicts itself is dropped, and hints are clamped.
//
// # Which file holds what
//
//	engine.go        packets, results and time in; events and timeouts out
//	expect.go        objects come and go
//	senderview.go    what the last heartbeat said
//	feedback.go      the next message to the sender
//	config.go event.go stats.go
//
//	objects          object.go objects.go, ranges.go (whole blocks), block.go pool.go (open ones)
//	asks             asking.go (what, and when), backoff.go, again.go (an ask made twice)
//	the path         loss.go, burst.go (runs of losses), lossevents.go (RFC 5348), rtt.go
//	reports          reporter.go, backlog.go (the receive buffer)
//	by unicast       supply.go, demotion.go
//	is it there      presence.go
package receiver
