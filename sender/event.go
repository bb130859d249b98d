package sender

// EventKind says what an Event tells.
type EventKind uint8

const (
	// FirstPassDone says that the pass of data object TOI is over: as a rule every source symbol has
	// been sent once (see ObjectInfo.Start). With Config.OneWay it also says that all copies of
	// control object TOI have been sent.
	FirstPassDone EventKind = iota + 1
	// ObjectUnknown says that an edge asks for object TOI, which the engine does not hold.
	// The loop calls Add with Sent if it has the object, and otherwise nothing. The ask is
	// kept for a while and honoured by that Add.
	ObjectUnknown
	// ObjectForgotten says that object TOI was idle for long and is no longer held: the loop
	// may close its file.
	ObjectForgotten
	// EdgesBehind says that less than the rate has been sent for a while since edges cannot take in
	// more; EdgesKeepUp that this is over.
	EdgesBehind
	EdgesKeepUp
)

// String returns the name of the kind.
func (k EventKind) String() string {
	switch k {
	case FirstPassDone:
		return "FirstPassDone"
	case ObjectUnknown:
		return "ObjectUnknown"
	case ObjectForgotten:
		return "ObjectForgotten"
	case EdgesBehind:
		return "EdgesBehind"
	case EdgesKeepUp:
		return "EdgesKeepUp"
	}
	return "unknown"
}

// Event is something that the loop should know or do.
type Event struct {
	Kind EventKind
	TOI  uint32
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
