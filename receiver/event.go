package receiver

// EventKind says what an Event tells.
type EventKind uint8

const (
	// BlockReady says that block SBN of object TOI can be decoded: k different symbols of it
	// were kept. The loop decodes, verifies and stores it, and hands the event back to
	// HandleResult with the outcome, now or later.
	BlockReady EventKind = iota + 1
	// ObjectWhole says that every block of object TOI is there and its result was good. The
	// engine has forgotten the object, and ignores further packets of it.
	ObjectWhole
	// ObjectDropped says that object TOI, which no one expected, had no packet for long and
	// was forgotten: the loop discards what it kept of it.
	ObjectDropped
	// SenderRestarted says that a new instance of the sender was heard.
	SenderRestarted
	// SenderSilent says that nothing was heard from the sender for three times the longest
	// interval between heartbeats, or nothing at all since the start.
	SenderSilent
	// SenderHeard says that the sender was heard for the first time, or again.
	SenderHeard
	// Demoted says that the sender has demoted this receiver: it fell too far behind the others,
	// and what it misses of data objects is not repaired for it. The loop gets that by unicast, see
	// Missing and Supply. Control objects are asked for as before.
	Demoted
	// Promoted says that the receiver may ask for everything again, and does.
	Promoted
)

// String returns the name of the kind.
func (k EventKind) String() string {
	switch k {
	case BlockReady:
		return "BlockReady"
	case ObjectWhole:
		return "ObjectWhole"
	case ObjectDropped:
		return "ObjectDropped"
	case SenderRestarted:
		return "SenderRestarted"
	case SenderSilent:
		return "SenderSilent"
	case SenderHeard:
		return "SenderHeard"
	case Demoted:
		return "Demoted"
	case Promoted:
		return "Promoted"
	}
	return "unknown"
}

// Event is something that the loop should know or do. TOI and SBN are set where the kind
// names them.
type Event struct {
	Kind EventKind
	TOI  uint32
	SBN  uint32
}

// eventQueue holds events until the loop takes them.
type eventQueue struct {
	list []Event
	head int
}

func (q *eventQueue) push(e Event) { q.list = append(q.list, e) }

func (q *eventQueue) waiting() bool { return q.head < len(q.list) }

func (q *eventQueue) pop() (Event, bool) {
	if !q.waiting() {
		return Event{}, false
	}
	e := q.list[q.head]
	q.head++
	if q.head == len(q.list) {
		q.list, q.head = q.list[:0], 0
	}
	return e, true
}
