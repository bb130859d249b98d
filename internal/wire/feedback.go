package wire

import "time"

// Limits of a feedback message. What an edge has to say beyond them waits for the next one.
const (
	MaxNACKs    = 128
	MaxName     = 64 // bytes of an edge's name
	MaxRanges   = 16
	MaxFailures = 4
	MaxReason   = 96 // bytes of a failure's reason
	MaxProgress = 4
	// MarkHashLength is how many bytes of the hash at its mark a Report tells.
	MarkHashLength = 16
	// MaxFeedback is the largest encoded message, in bytes.
	MaxFeedback = 1400
	// MaxReport is how many bytes a Report takes at most: what an engine that does not yet
	// know all of the report must leave free for it, see Feedback.Fit.
	MaxReport = maxArrayBytes + 2 + MaxName + maxUint32Bytes + 2*maxUint64Bytes +
		2 + MarkHashLength + 2 + 32 + 2*maxUint64Bytes +
		maxArrayBytes + MaxRanges*2*maxUint64Bytes +
		1 + MaxFailures*(maxUint64Bytes+2+MaxReason) +
		1 + MaxProgress*(maxUint64Bytes+maxUint32Bytes) +
		8*maxUint64Bytes + 3*maxUint32Bytes
	// BacklogLeast is the Feedback.Backlog from which on an edge is behind: an eighth of its buffer.
	BacklogLeast = 32
	// NeedAll is an erasure count for a block of which nothing is known, not even its size.
	NeedAll = 0xffff
)

// Feedback is one datagram from an edge to the origin: what is missing, and now and then
// how far the edge is.
//
// On the wire it is a MessagePack array, in which lists are flat and durations are in
// microseconds:
//
//	[4, TSI, Edge, Counter, Instance, PacketSequence, EchoTime, EchoHeld, Backlog, Intake,
//	 [TOI or 0 for the one before, SBN, Count, Symbols, ...], Report or nil]
//
// and the report is the array of its fields in their order, Generation as two numbers,
// lists flat.
type Feedback struct {
	TSI uint32
	// Edge is the sender of the feedback.
	Edge uint64
	// Counter grows with every message of an edge, restarts included: against replay.
	Counter uint64
	// Instance is the sender's, as last heard; PacketSequence and EchoTime belong to it.
	Instance uint64
	// PacketSequence is the highest packet sequence number received.
	PacketSequence uint32
	// EchoTime is the SendTime of the newest packet received, EchoHeld how long ago that was:
	// from both the sender measures the round trip.
	EchoTime uint32
	EchoHeld time.Duration
	// Backlog is how much of the edge's receive buffer is taken, 255 is all of it. Intake is at how
	// many bits per second, headers of IP and UDP included, the edge has taken packets out of it
	// lately while there were always more; 0: not known.
	Backlog uint8
	Intake  uint64

	// NACKs come with the most urgent first.
	NACKs []NACK
	// Report is nil in a message that only asks.
	Report *Report
}

// NACK asks for Symbols more encoding symbols, any, of each of Count blocks from SBN: an
// erasure count (RFC 5740 §4.3.1). TOI and Count are not 0, and the last block is at most
// 2^32-1.
type NACK struct {
	TOI, SBN, Count uint32
	Symbols         uint16
}

// Report says what an edge has, all of it durable before it is said, and how it fares.
type Report struct {
	Name string
	// GenerationOrder and GenerationRandom are the generation that the sequences belong to.
	GenerationOrder  uint32
	GenerationRandom uint64
	// Mark is the sequence up to which the catalogue is exact, MarkHash the front of the hash of the
	// entry there (zeros at 0), Digest that of the rows.
	Mark     uint64
	MarkHash [MarkHashLength]byte
	Digest   [32]byte
	// Newest is the highest sequence of all entries that are here, Mark or above.
	Newest uint64
	// Complete is the sequence up to which every entry is in force and every bundle that
	// still matters can be served.
	Complete uint64
	// Done has sequences above Complete of which the same is true, ascending.
	Done []SequenceRange
	// Failed has bundles that the edge could not store, and why.
	Failed []Failure
	// Progress has bundles that are on their way.
	Progress []Progress

	PacketsReceived uint64
	PacketsLost     uint64 // in the network, by packet sequence
	SocketDrops     uint64 // by this edge's own full receive buffer; part of PacketsLost too
	NACKsSent       uint64
	BlocksDecoded   uint64 // with repair symbols
	BlocksPoisoned  uint64 // that failed their digest
	BlocksFetched   uint64 // by unicast
	PacketsMarked   uint64 // with ECN's Congestion Experienced, on their way here
	// LossPPM is the recent loss, in packets per million.
	LossPPM uint32
	// LossEventPPM is the recent loss event rate of RFC 5348 §5, in events per million packets:
	// losses and marks within one round trip are one event.
	LossEventPPM uint32
	// BurstMilli is how long runs of lost packets are on average, in thousandths of a packet;
	// 0: not known.
	BurstMilli uint32
}

// SequenceRange is the entries From to To, both included; From <= To.
type SequenceRange struct{ From, To uint64 }

// Failure is a bundle that an edge could not store.
type Failure struct {
	Sequence uint64
	Reason   string
}

// Progress is how many source blocks of a bundle an edge has.
type Progress struct {
	Sequence uint64
	Blocks   uint32
}

const (
	feedbackVersion = 4
	feedbackFields  = 12
	reportFields    = 22

	// maxFeedbackHead is the largest encoding of all that stands before the NACKs, and of nil
	// for the report.
	maxFeedbackHead = 2 + maxUint32Bytes + 3*maxUint64Bytes + 3*maxUint32Bytes +
		maxUint8Bytes + maxUint64Bytes + maxArrayBytes + 1
)

// Fit cuts NACKs from the end until there are at most MaxNACKs and the message, with the
// Report that it has now, certainly encodes into limit bytes, and returns how many it cut.
// A report that is still to be filled wants limit to be MaxFeedback - MaxReport. An engine
// calls Fit before it notes what it has asked for.
func (f *Feedback) Fit(limit int) (cut int) {
	had := len(f.NACKs)
	room := limit - maxFeedbackHead
	if f.Report != nil {
		room -= f.Report.length()
	}
	f.NACKs = fitNACKs(f.NACKs, room)
	return had - len(f.NACKs)
}

// fitNACKs returns the longest front of list that encodes into room bytes.
func fitNACKs(list []NACK, room int) []NACK {
	list = list[:min(len(list), MaxNACKs)]
	var toi uint32
	for i, n := range list {
		if room -= blocksLength(toi, Outstanding(n)); room < 0 {
			return list[:i]
		}
		toi = n.TOI
	}
	return list
}

// length returns how many bytes r takes at most; much less than MaxReport as a rule.
func (r *Report) length() int {
	n := MaxReport - MaxRanges*2*maxUint64Bytes - MaxFailures*(maxUint64Bytes+2+MaxReason)
	n += min(len(r.Done), MaxRanges) * 2 * maxUint64Bytes
	for _, f := range r.Failed[:min(len(r.Failed), MaxFailures)] {
		n += maxUint64Bytes + 2 + len(clip(f.Reason, MaxReason))
	}
	return n
}

// AppendFeedback appends the encoded message to dst and returns the extended slice. It
// appends at most MaxFeedback bytes: of NACKs as many as fit beside the report, from the
// front (see Fit), and of every other list as many as its limit allows. Name and reasons
// are cut to their limits, and what is not UTF-8 in them is replaced. Durations are cut to
// microseconds and to at most 71 minutes. It does not change f.
func AppendFeedback(dst []byte, f *Feedback) []byte {
	fitting := *f
	fitting.Fit(MaxFeedback)
	b := append(dst, mpFixArray|feedbackFields, feedbackVersion)
	b = appendUint(b, uint64(f.TSI))
	b = appendUint(b, f.Edge)
	b = appendUint(b, f.Counter)
	b = appendUint(b, f.Instance)
	b = appendUint(b, uint64(f.PacketSequence))
	b = appendUint(b, uint64(f.EchoTime))
	b = appendDuration(b, f.EchoHeld)
	b = appendUint(b, uint64(f.Backlog))
	b = appendUint(b, f.Intake)
	b = appendArray(b, 4*len(fitting.NACKs))
	var toi uint32
	for _, n := range fitting.NACKs {
		b = appendBlocks(b, toi, Outstanding(n))
		toi = n.TOI
	}
	if f.Report == nil {
		return append(b, mpNil)
	}
	return appendReport(b, f.Report)
}

func appendReport(b []byte, r *Report) []byte {
	b = appendArray(b, reportFields)
	b = appendString(b, clip(r.Name, MaxName))
	b = appendUint(b, uint64(r.GenerationOrder))
	b = appendUint(b, r.GenerationRandom)
	b = appendUint(b, r.Mark)
	b = appendBin(b, r.MarkHash[:])
	b = appendBin(b, r.Digest[:])
	b = appendUint(b, r.Newest)
	b = appendUint(b, r.Complete)
	done := r.Done[:min(len(r.Done), MaxRanges)]
	b = appendArray(b, 2*len(done))
	for _, d := range done {
		b = appendUint(b, d.From)
		b = appendUint(b, d.To)
	}
	failed := r.Failed[:min(len(r.Failed), MaxFailures)]
	b = appendArray(b, 2*len(failed))
	for _, f := range failed {
		b = appendUint(b, f.Sequence)
		b = appendString(b, clip(f.Reason, MaxReason))
	}
	progress := r.Progress[:min(len(r.Progress), MaxProgress)]
	b = appendArray(b, 2*len(progress))
	for _, p := range progress {
		b = appendUint(b, p.Sequence)
		b = appendUint(b, uint64(p.Blocks))
	}
	for _, v := range [...]uint64{r.PacketsReceived, r.PacketsLost, r.SocketDrops,
		r.NACKsSent, r.BlocksDecoded, r.BlocksPoisoned, r.BlocksFetched, r.PacketsMarked,
		uint64(r.LossPPM), uint64(r.LossEventPPM), uint64(r.BurstMilli)} {
		b = appendUint(b, v)
	}
	return b
}

// ParseFeedback fills *f, every field of it, from one datagram, and keeps nothing of b.
// It uses the slices that f has; and the Report, if f has one and the message too; so with
// the same Feedback and Report again and again it soon allocates only for texts that
// change. Without a report in the message f.Report is nil afterwards.
//
// It returns one of this package's sentinel errors for anything but one whole, well-formed
// message; *f then has no meaning. Texts are UTF-8, but may hold control characters.
func ParseFeedback(b []byte, f *Feedback) error {
	m := message{b: b}
	m.begin(feedbackFields, feedbackVersion)
	f.TSI = m.uint32()
	f.Edge = m.uint64()
	f.Counter = m.uint64()
	f.Instance = m.uint64()
	f.PacketSequence = m.uint32()
	f.EchoTime = m.uint32()
	f.EchoHeld = m.duration()
	f.Backlog = m.uint8()
	f.Intake = m.uint64()
	f.NACKs = f.NACKs[:0]
	var toi uint32
	for range m.array(4, MaxNACKs) {
		r := m.blocks(toi)
		if m.err != nil {
			break
		}
		f.NACKs = append(f.NACKs, NACK(r))
		toi = r.TOI
	}
	if len(m.b) > 0 && m.b[0] == mpNil {
		m.head()
		f.Report = nil
		return m.end()
	}
	if m.err == nil {
		if f.Report == nil {
			f.Report = new(Report)
		}
		m.report(f.Report)
	}
	return m.end()
}

func (m *message) report(r *Report) {
	if n := m.array(1, reportFields); n != reportFields {
		m.fail(ErrValue)
		return
	}
	r.Name = m.string(MaxName, r.Name)
	r.GenerationOrder = m.uint32()
	r.GenerationRandom = m.uint64()
	r.Mark = m.uint64()
	m.exactly(r.MarkHash[:])
	m.exactly(r.Digest[:])
	r.Newest = m.uint64()
	r.Complete = m.uint64()
	m.done(r)
	m.failed(r)
	r.Progress = r.Progress[:0]
	for range m.array(2, MaxProgress) {
		r.Progress = append(r.Progress, Progress{Sequence: m.uint64(), Blocks: m.uint32()})
	}
	for _, v := range [...]*uint64{&r.PacketsReceived, &r.PacketsLost, &r.SocketDrops,
		&r.NACKsSent, &r.BlocksDecoded, &r.BlocksPoisoned, &r.BlocksFetched, &r.PacketsMarked} {
		*v = m.uint64()
	}
	r.LossPPM = m.uint32()
	r.LossEventPPM = m.uint32()
	r.BurstMilli = m.uint32()
}

// exactly fills dst with bytes of that length.
func (m *message) exactly(dst []byte) {
	if b := m.bin(len(dst)); len(b) == len(dst) {
		copy(dst, b)
	} else {
		m.fail(ErrValue)
	}
}

func (m *message) done(r *Report) {
	r.Done = r.Done[:0]
	var after uint64
	for i := range m.array(2, MaxRanges) {
		d := SequenceRange{From: m.uint64(), To: m.uint64()}
		if d.From > d.To || i > 0 && d.From <= after {
			m.fail(ErrValue)
			return
		}
		after = d.To
		r.Done = append(r.Done, d)
	}
}

func (m *message) failed(r *Report) {
	old := r.Failed[:cap(r.Failed)] // the texts of the message before, to be used again
	r.Failed = r.Failed[:0]
	for i := range m.array(2, MaxFailures) {
		var reason string
		if i < len(old) {
			reason = old[i].Reason
		}
		r.Failed = append(r.Failed, Failure{Sequence: m.uint64(), Reason: m.string(MaxReason, reason)})
	}
}
