// Package scenario reads the test bed's scenario files: what the network is like, what
// happens when, and what must hold in the end. One file is run with real processes in network
// namespaces and in the simulator alike; package play does that.
//
// A file is YAML and reads like this:
//
//	name: one-bad-edge
//	about: |
//	  Three edges on good links, one on a link that loses a fifth of its packets.
//	topology:
//	  edges: 4                        # edge-1 to edge-4, or a list of names
//	links:
//	  all:    {down: {delay: 5ms, loss: 0.1%}, up: {delay: 5ms}}
//	  edge-4: {down: {delay: 5ms, loss: 20%}, up: {delay: 5ms, loss: 20%}}
//	session: {rate: 100mbit}
//	timeline:
//	  - publish: {name: big, size: 20MB}
//	  - when: {edge: edge-1, has: 30%, of: big}
//	    kill: edge-1                  # kill -9
//	  - after: 1s
//	    restart: edge-1
//	  - wait: big                     # until every edge that runs serves it
//	  - purge: {publication: big}
//	expect:
//	  completion: 20s
//	  overhead: 1.5
//
// Three things are expected of every run without being asked for: all bytes equal at every edge
// that runs, catalogue digests equal, and nothing served that was purged, at no time.
//
// A step happens when its at (since the start), after (since the step before), or when is due, and
// never before the step above it is done. What is down and up of a link is as the edge sees it: down
// carries what the origin sends, up the feedback. An unknown key, or a value that cannot be,
// is an error with file, line and a hint.
package scenario
