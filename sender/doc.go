// Package sender decides which symbol goes out next, and when: it is the origin's half of the
// protocol, without sockets, files or a clock. Its counterpart is package receiver; both run
// unchanged over real networks and in testbed/sim.
//
// # The contract
//
// An Engine is driven by a loop, about twenty lines and one goroutine, that owns the socket
// and the files. It takes inputs (Add, Withhold, Cancel, HandleFeedback, HandleTimeout) and gives
// outputs (NextEvent, NextPacket with Advertise and TrafficClass, NextTimeout). There is no
// callback, no channel and no lock:
//
//  1. one goroutine owns an engine;
//  2. now never goes back;
//  3. after the last Handle of a batch drain NextEvent, then NextPacket, then arm NextTimeout;
//  4. same seed and same inputs give the same outputs, bit for bit, so never range over a map
//     where order can be seen.
//
// So the loop is:
//
//	for {
//		wait until engine.NextTimeout(), for feedback, or for a publication
//		now := clock.Now()
//		for each message received { engine.HandleFeedback(now, &message) }
//		for each publication { engine.Add(now, object) }
//		engine.HandleTimeout(now)
//		for event, ok := engine.NextEvent(); ok; ... { act on it }
//		for engine.NextPacket(now, &packet) {
//			if packet.TOI == wire.HeartbeatTOI { engine.Advertise(now, &heartbeat); add the head }
//			else { add the symbol (TOI, SBN, ESI) }
//			send
//		}
//	}
//
// The engine never sees a payload. It names symbols, and the loop reads or computes them. No
// slice leaves it, and none that comes in is kept.
//
// # The story of one object
//
// A bundle of 1 MB is published as entry 12. The loop adds two objects: the control object of
// the entry (TOI 12; one symbol, k = 1) and the data object of the bundle (TOI 2^31+12; 711
// source symbols, in blocks of k = 178, 178, 178 and 177, of which each can have n = 255
// symbols).
//
// The control object goes out at once, before all else and without waiting for the token
// bucket, and twice more 5 ms apart (more often if edges lose much). A heartbeat with the new
// head of the log follows the first copy. Then the first pass of the data object begins: its source
// symbols, in groups of up to eight blocks whose symbols take turns (firstpass.go), as fast as the
// bucket lets them. Heartbeats every few milliseconds say how far the first pass is, so that
// receivers know which blocks have been sent in full. With the last symbol comes FirstPassDone, and
// a heartbeat at once; then more, after 1, 2, 4, ... ms up to one second.
//
// Whoever lacks symbols asks (a NACK), and is answered with fresh repair symbols. When nothing
// has been asked for a minute the object is forgotten: ObjectForgotten. If an edge asks later
// still, the loop learns of it by ObjectUnknown and may Add the object again, with Sent.
//
// # Proactive repair
//
// If edges report losses, repair symbols follow the source symbols of each block in the first pass, as
// many as will hardly be sent in vain (proactive.go): their number comes from the losses, and is
// tracked by whether blocks turn out to need more (unasked.go). That spares most NACKs and costs
// about half a per cent. On a clean path there are none. An object may have a number of its own.
//
// # One repair round
//
// What makes repair exact is an account of transmissions for each block (account.go), not a
// timer: T counts the transmissions of the block so far, G is the goal, and while T < G the
// block is sent, each time with the next ESI: the T-th transmission carries ESI T mod n. Every
// packet has a sequence number. A NACK says: "block b needs e more, any; the newest packet I
// had seen was h". Of the transmissions of b, C were in packets up to h: the edge has seen or
// lost them, and they are in e already. So
//
//	G = max(G, C + e)
//
// A block with k = 200 was followed by a = 4 repair symbols, the last of them in packet 1000, so T =
// G = 204. Three edges have lost 7, 9 and 6 of these symbols and need 3, 5 and 2 more. All ask after
// the heartbeat in packet 1001, so all say h = 1001, and C = 204:
//
//	NACK from A: e = 3  G = max(204, 204+3) = 207  sends T = 204, 205, 206 in packets 1002 to 1004
//	NACK from B: e = 5  G = max(207, 204+5) = 209  sends T = 207, 208 in packets 1005 and 1006
//	NACK from C: e = 2  G = max(209, 204+2) = 209  nothing: it is on its way (AsksMerged)
//	                    heartbeat in packet 1007: the queue is empty, nothing is outstanding
//
// Nine symbols mended 22 losses. B lost packet 1004; it sees that nothing is outstanding and
// that it still needs one. It asks again, for one and one to be sure (see package receiver):
//
//	NACK from B: e = 2, h = 1007: C = 209  G = 211  sends T = 209, 210
//
// Near the end of an object, where each round delays it, the sender adds a margin that makes
// another round unlikely: for e = 5 and 10 % loss two (margin.go). All of an object's margins
// together are half a per cent of it, or eight symbols if that is more.
//
// Should B's first NACK now come a second time, late: e = 5, h = 1001, C = 204, and G =
// max(211, 209) does not move. Asks may come in any order, twice, or never; they are merged by
// maximum, and no loss is paid for twice.
//
// Heartbeats list G - T of every block that is being repaired, so that edges whose need is
// covered stay silent: without hearing each other they suppress each other's NACKs.
//
// # No return path
//
// With Config.OneWay nobody can ask: feedback that comes all the same is ignored, and an object is
// forgotten when its pass is over. The loop adds it again, with another Start, as often as edges
// are to have another chance (see internal/carousel).
//
// # Order and pace
//
// Control objects go first, then heartbeats, then data objects by their class: urgent, normal,
// background (schedule.go). The order is strict but for a guarantee: while higher classes have
// something to send, each lower one still gets one byte for fifty of theirs, so nothing
// starves. Within a class repair goes before new data, of which it leaves one byte in sixteen.
// Blocks of which more than half is asked for come last among repairs, and take turns with new
// data: an edge that lacks everything holds up nobody.
//
// Up to eight first passes are under way at a time: two urgent ones, four normal ones and two
// of the background, since a heartbeat tells the positions of eight. Those of one class take turns
// of half a millisecond (16 KB at most), and so have equal shares. Others wait; the oldest object
// of a class always has a place, the rest go to those with the least left to send, and one with
// more is suspended in the middle for one with less. So 10 KB never wait for 10 GB, and 10 GB are
// never forgotten. Heartbeats list what waits (Waiting), so that nobody asks for it.
//
// All data waits for a token bucket (pacer.go). Control objects and heartbeats do not wait for
// it, but are charged to it; and control objects wait after all when the bucket is overdrawn by
// as much as it holds. Heartbeats, and control objects that are sent because an edge asked, have
// shares of the rate besides, so that asking for them stops nothing else.
//
// # Feedback
//
// Heartbeats tell edges how rarely to report, so that all reports together take half a per cent of
// the rate at most, a twentieth of one with 10,000 edges, and half of Config.FeedbackRate messages
// a second (budget.go). How long an edge counts as live follows that interval. Reports tell losses,
// from which follow k (MaxBlock) and proactive repair, and how long the runs of lost packets are,
// from which follows how many blocks take turns (interleave.go): one by one while nobody loses
// anything.
//
// Who asks pays: of each edge only so much is queued, and what it asks for beyond waits in bulk or is
// refused (payer.go). A block that is asked for again and again gives way to the next after k
// symbols. So an edge that asks for all it can think of leaves new data and the others' repairs
// their shares, which property_test.go holds it to.
//
// # Rate, hold-back, stragglers
//
// On a provisioned path the rate is fixed. With Config.MinRate it is adaptive (rate.go): edges report
// their loss event rate, in which marks of congestion and what their own socket dropped count
// like losses; from it and from its round trip follows what TCP would send to each edge, and the
// sender follows the edge that is worse than all but a tenth. It starts at MinRate, doubles every
// 100 ms or two round trips while nobody has anything to tell, and reports of a loss out of the
// ordinary come at once:
//
//	0 to 1.0 s  1, 2, 4, ... 128, 200 Mb/s: no edge has lost anything
//	1.3 s       a queue of 20 Mb/s overflows. 19 of 20 edges report an event rate of 0.13 %, the one at
//	            which TCP would get the 20 Mb/s that they receive at a round trip of 20 ms
//	            20 Mb/s; from now on the rate moves as the mean interval between events does
//
// At either kind of rate the edges can press it (pressure.go). An edge whose receive buffer is
// fuller than an eighth says so, every few milliseconds, and at what rate it takes packets out; the
// sender then sends no faster than the edges take in, down to a sixteenth of the rate, and lets it
// grow again when they have caught up. As many slow edges as may be demoted press nothing. Report
// intervals, purses and interleaving follow the rate as it would be. With a buffer for 80 ms and
// four edges that take in 60 %:
//
//	 0 ms   400 Mb/s
//	25 ms   all tell of an eighth, and of 240 Mb/s: 240 Mb/s at once, then between 220 and 245 while the
//	        buffers empty slowly. Nothing is lost
//
// New data waits for repair when edges have more blocks than they can hold that they cannot finish
// (holdback.go). Each block counts once, and for a second or eight round trips at most, so that no ask
// stops new data.
//
// An edge that loses more than a quarter while half of the others lose less than an eighth is an
// outlier (demotion.go): its first asks show it, or its report. It is answered only when there is
// nothing else to send, since its repair would cost more than the data: with one edge at 40 %
// among twenty at 1 %, all would take twice as long. If it stays one for three seconds it is
// demoted, as is one that keeps asking for what was sent ten seconds ago: echoes say so, and it
// gets what it misses by unicast. It still reports, and is back when it has been below half of the
// bound for five seconds. Demoted edges count neither for GRTT nor for proactive repair, nor for the
// rate; at most a fifth of the edges are.
//
// # What it remembers
//
// Every table has a limit, those that grow with objects, blocks and edges have theirs in Config, and
// Stats counts what is refused. State lies with what is being repaired, not with what exists: of a
// block in its first pass nothing is kept but where its group ended. Feedback is not trusted:
// numbers in it are clamped, an ask can never be worth more than k symbols, and what cannot exist
// is counted and dropped.
//
// # Which file holds what
//
// The engine only dispatches; what it dispatches to are small types that take now, each with the few
// methods of Engine that hand it what it needs.
//
//	engine.go        the inputs and outputs above
//	next.go          which packet goes before all others
//	feedback.go      what a message of an edge is good for, ask by ask
//	advertise.go     what a heartbeat says
//	config.go event.go stats.go
//
//	objects held     object.go objects.go, unknown.go (asked for before they are held)
//	control objects  control.go
//	first passes     firstpass.go (one object), passes.go (one class: whose turn), schedule.go (all
//	                 classes), priority.go, progress.go (as heartbeats tell it), interleave.go
//	unasked repair   proactive.go (how much), unasked.go (in one object, and was it enough)
//	repair           account.go (T and G), block.go, repair.go (queues), margin.go, payer.go
//	what waits       pacer.go, holdback.go (new data), heartbeat.go (the next one)
//	edges            edges.go, grtt.go, budget.go (how often they report), demotion.go, rate.go,
//	                 pressure.go (receive buffers that fill), slowness.go (telling the loop of it)
//	modes, marks     oneway.go, trafficclass.go, blocklength.go (k for what is published next)
package sender
