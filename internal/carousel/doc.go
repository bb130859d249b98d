// Package carousel plans what a one-way origin sends again, and when: edges have no path to it,
// so what one lost, or what was sent before it came, must come again unasked. It is pure; the
// loop around it, of the origin or of the simulator, reads entries and hands objects to the
// sender.
//
// # Cycles
//
// A cycle walks the log from entry 1 to the head as of its beginning. Each entry is sent as a
// control object, and behind it, at background priority, the bundle that it published if the
// origin still keeps it: so an edge that joins anywhere can use what it hears from the next entry
// on. The bundles of cycle c begin at encoding symbol c·(k+a), modulo n, so that a block that an
// edge could not complete in one cycle gets other symbols in the next. After the last object
// there is a pause, and the next cycle.
//
// There is no snapshot: every cycle sends the whole log, some 350 bytes in each of three
// copies for an entry: a log of 10,000 entries costs about 10 MB a cycle, one of a million 1 GB.
// What the engine holds at a time is bounded, whatever the log's length: a cycle goes on when
// enough of what it handed over has been sent.
//
// # Repeats
//
// A purge must not wait for a cycle. An entry is sent again 25 ms after it was published, then
// 50 ms, 100 ms, and so on, doubling, until a whole cycle has carried it. So what an edge missed
// in a gap of any length comes again after another gap as long, at the latest; and as each time
// three copies go out, 5 ms apart, a loss of 10 % leaves one edge in a thousand without the
// entry after 10 ms, and one in a million after 35 ms. Repeats take a tenth of the rate at most,
// and only the newest entries (Config.MaxRepeats) are repeated so.
package carousel
