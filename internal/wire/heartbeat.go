package wire

import "time"

// Limits of a heartbeat. What a sender has to say beyond them waits for the next one.
const (
	MaxHead        = 256 // bytes of the signed head
	MaxPositions   = 8
	MaxWaiting     = 4
	MaxOutstanding = 96
	MaxEchoes      = 16

	// MinHeartbeat is the smallest limit in bytes that AppendHeartbeat can always respect:
	// everything but outstanding blocks and echoes at their largest, and both lists empty. It
	// is less than every SymbolLength.
	MinHeartbeat = 2 + maxUint64Bytes + 3 + MaxHead + // format, Instance, Head
		maxUint64Bytes + 4*maxUint32Bytes + // Rate, GRTT, Edges, ReportInterval, Started
		maxArrayBytes + MaxPositions*2*maxUint32Bytes + // First
		maxArrayBytes + MaxWaiting*2*maxUint32Bytes + // Waiting
		maxArrayBytes + 1 + maxArrayBytes // Outstanding, Truncated, Echoes
)

// Heartbeat is the message of a packet with HeartbeatTOI: where the log and the
// transmission stand. All but Head are hints that whoever reads them must clamp.
//
// On the wire it is a MessagePack array, in which lists are flat and durations are in
// microseconds:
//
//	[2, Instance, Head, Rate, GRTT, Edges, ReportInterval, Started, [TOI, SBN, ...],
//	 [First, Last, ...], [TOI or 0 for the one before, SBN, Count, Symbols, ...], Truncated,
//	 [Edge, Counter, Held, Demoted, ...]]
type Heartbeat struct {
	// Instance is drawn at each start of the sender; with a new one packet sequence numbers
	// and send times begin anew.
	Instance uint64
	// Head is the signed statement of the log's head, opaque to the engines: at most MaxHead
	// bytes.
	Head []byte
	// Rate is what the sender may send at most, in bits per second.
	Rate uint64
	// GRTT is the largest round trip in the group, as the sender estimates it.
	GRTT time.Duration
	// Edges is the number of live edges: the group size of RFC 5401.
	Edges uint32
	// ReportInterval is how long an edge should wait between two reports on average, so that
	// all together stay within the sender's budget; 0 leaves it to the edge.
	ReportInterval time.Duration
	// Started is the newest data TOI whose first pass has begun (0: none yet). A data object
	// up to Started that neither First nor Waiting lists has been sent once in full.
	Started uint32
	// First has the objects in their first pass: every block below SBN has been sent. There
	// are at most MaxPositions, since leaving one out would say that it is sent.
	First []Position
	// Waiting has the objects up to Started whose first pass has not begun, ascending, at most
	// MaxWaiting ranges. It may name others too: of those nothing is asked for yet.
	Waiting []TOIRange
	// Outstanding is what is already being repaired (REPAIR_ADV): of each block of a range
	// Symbols are still to be sent. The most urgent come first.
	Outstanding []Outstanding
	// Truncated says that more is outstanding than is listed, so that the absence of a block
	// says nothing.
	Truncated bool
	// Echoes acknowledges the feedback that came since the last heartbeat, newest first.
	Echoes []Echo
}

// Position is how far the first pass of an object has come.
type Position struct {
	TOI, SBN uint32
}

// TOIRange is the objects First to Last, both included, in the order of their sequences.
type TOIRange struct {
	First, Last uint32
}

// Outstanding is a run of Count blocks from SBN, each with Symbols still to be sent. TOI
// and Count are not 0, and the last block is at most 2^32-1.
type Outstanding struct {
	TOI, SBN, Count uint32
	Symbols         uint16
}

// Echo tells one edge which of its feedback messages arrived, and how long ago: from it an
// edge measures its own round trip.
type Echo struct {
	Edge    uint64
	Counter uint64
	Held    time.Duration
	// Demoted says that the sender does not answer this edge's NACKs any more, since it fell too
	// far behind: it should get what it misses by unicast.
	Demoted bool
}

const (
	heartbeatVersion = 2
	heartbeatFields  = 13
)

// AppendHeartbeat appends the encoded heartbeat to dst and returns the extended slice. It
// appends at most limit bytes (as a rule the session's symbol length), which must be at
// least MinHeartbeat: of echoes it sends as many as fit into half of what the rest leaves
// free, of outstanding blocks as many as fit then, both from the front, and it sets
// Truncated in the message if not all of Outstanding fit. It does not change h.
//
// Durations are cut to microseconds and to at most 71 minutes. Of First no more than MaxPositions are
// sent, of Waiting no more than MaxWaiting; a Head longer than MaxHead is left out, as no part of
// it would be of any use.
func AppendHeartbeat(dst []byte, h *Heartbeat, limit int) []byte {
	start := len(dst)
	head := h.Head
	if len(head) > MaxHead {
		head = nil
	}
	first := h.First[:min(len(h.First), MaxPositions)]
	b := append(dst, mpFixArray|heartbeatFields, heartbeatVersion)
	b = appendUint(b, h.Instance)
	b = appendBin(b, head)
	b = appendUint(b, h.Rate)
	b = appendDuration(b, h.GRTT)
	b = appendUint(b, uint64(h.Edges))
	b = appendDuration(b, h.ReportInterval)
	b = appendUint(b, uint64(h.Started))
	b = appendArray(b, 2*len(first))
	for _, p := range first {
		b = appendUint(b, uint64(p.TOI))
		b = appendUint(b, uint64(p.SBN))
	}
	waiting := h.Waiting[:min(len(h.Waiting), MaxWaiting)]
	b = appendArray(b, 2*len(waiting))
	for _, w := range waiting {
		b = appendUint(b, uint64(w.First))
		b = appendUint(b, uint64(w.Last))
	}
	room := limit - (len(b) - start) - maxArrayBytes - 1 - maxArrayBytes
	echoes, used := fitEchoes(h.Echoes, room/2)
	outstanding := fitOutstanding(h.Outstanding, room-used)
	b = appendArray(b, 4*len(outstanding))
	var toi uint32
	for _, r := range outstanding {
		b = appendBlocks(b, toi, r)
		toi = r.TOI
	}
	b = appendBool(b, h.Truncated || len(outstanding) < len(h.Outstanding))
	b = appendArray(b, 4*len(echoes))
	for _, e := range echoes {
		b = appendUint(b, e.Edge)
		b = appendUint(b, e.Counter)
		b = appendDuration(b, e.Held)
		b = appendBool(b, e.Demoted)
	}
	return b
}

// fitOutstanding returns the longest front of list that encodes into room bytes.
func fitOutstanding(list []Outstanding, room int) []Outstanding {
	list = list[:min(len(list), MaxOutstanding)]
	var toi uint32
	for i, r := range list {
		if room -= blocksLength(toi, r); room < 0 {
			return list[:i]
		}
		toi = r.TOI
	}
	return list
}

// fitEchoes returns the longest front of list that encodes into room bytes, and at most
// how many bytes that takes.
func fitEchoes(list []Echo, room int) (front []Echo, used int) {
	list = list[:min(len(list), MaxEchoes)]
	for i, e := range list {
		n := uintLength(e.Edge) + uintLength(e.Counter) + maxUint32Bytes + 1
		if used+n > room {
			return list[:i], used
		}
		used += n
	}
	return list, used
}

// ParseHeartbeat fills *h, every field of it, from b, and keeps nothing of b: Head and the
// lists are copied into the slices that h has, so that a Heartbeat used again and again
// soon allocates nothing. It returns one of this package's sentinel errors for anything
// but one whole, well-formed heartbeat; *h then has no meaning.
func ParseHeartbeat(b []byte, h *Heartbeat) error {
	m := message{b: b}
	m.begin(heartbeatFields, heartbeatVersion)
	h.Instance = m.uint64()
	h.Head = append(h.Head[:0], m.bin(MaxHead)...)
	h.Rate = m.uint64()
	h.GRTT = m.duration()
	h.Edges = m.uint32()
	h.ReportInterval = m.duration()
	h.Started = m.uint32()
	h.First = h.First[:0]
	for range m.array(2, MaxPositions) {
		h.First = append(h.First, Position{TOI: m.uint32(), SBN: m.uint32()})
	}
	h.Waiting = h.Waiting[:0]
	for range m.array(2, MaxWaiting) {
		h.Waiting = append(h.Waiting, TOIRange{First: m.uint32(), Last: m.uint32()})
	}
	h.Outstanding = h.Outstanding[:0]
	var toi uint32
	for range m.array(4, MaxOutstanding) {
		r := m.blocks(toi)
		if m.err != nil {
			break
		}
		h.Outstanding = append(h.Outstanding, r)
		toi = r.TOI
	}
	h.Truncated = m.bool()
	h.Echoes = h.Echoes[:0]
	for range m.array(4, MaxEchoes) {
		h.Echoes = append(h.Echoes, Echo{Edge: m.uint64(), Counter: m.uint64(), Held: m.duration(), Demoted: m.bool()})
	}
	return m.end()
}
