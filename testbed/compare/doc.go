// Package compare runs the same work over several systems that bring files to many
// receivers, one system at a time, in the same network of namespaces: Fanfare, UFTP, udpcast,
// NORM and plain HTTP. It measures how long each takes until every edge has every byte, what
// it puts on the wire, and what it costs in processor time.
//
// # What a run is
//
// A run has a bed of its own (testbed/netns) with the loss asked for on data, for UDP and TCP
// alike. The receivers' programs are started and get time to settle, while memory for all files is
// touched once (warm). The clock starts right before the publishing command is started, and stops
// when the last file is at the last edge: for the peers when it lies in the edge's directory under
// its own name and in full length, for Fanfare when `fanfare publish --wait` has ended, that is
// when every edge has said that it serves everything and the publisher knows. What trails behind
// until the publishing command ends counts as sent, but not as time. Then every file at every edge
// is compared with its digest, for Fanfare as served over HTTP. Whatever happens, a run ends at
// its time limit, or when nothing has left the origin for a while, and its processes and
// namespaces go.
//
// Rounds are interleaved: a round runs every system at every work and loss once.
//
// # Fairness
//
// The peers have the settings that were best for them in this bed: see each one's file.
// Sending a packet through a bed runs the switch and the receivers' network input in the
// sender's processor time, so that this time compares systems within one bed, but says little of
// a real network. A program that ran before the clock started is charged only what it used
// since.
package compare
