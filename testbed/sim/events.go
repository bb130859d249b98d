package sim

import "fanfare/internal/mono"

// eventKind says what happens at an event.
type eventKind uint8

const (
	wakeSender   eventKind = iota
	wakeEdge               // a: edge
	leaveTrunk             // a: flight
	deliverClass           // a: flight, b: class
	deliverEdge            // a: flight, b: edge
	takeIn                 // a: edge, b: its start
	deliverUp              // a: feedback
	catchUpEnds            // a: edge, b: its start
	fetchBlocks            // a: edge, b: its start
	runAction              // a: action
)

// event is something that happens at a time; order decides between those at the same time.
type event struct {
	at    mono.Time
	order uint64
	a, b  int32
	kind  eventKind
}

// schedule is a binary heap of events, the next one first.
type schedule struct {
	heap  []event
	order uint64
}

func (s *schedule) add(at mono.Time, kind eventKind, a, b int) {
	s.order++
	e := event{at: at, order: s.order, kind: kind, a: int32(a), b: int32(b)}
	s.heap = append(s.heap, e)
	i := len(s.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(&s.heap[parent]) {
			break
		}
		s.heap[i] = s.heap[parent]
		i = parent
	}
	s.heap[i] = e
}

func (s *schedule) next() (event, bool) {
	n := len(s.heap) - 1
	if n < 0 {
		return event{}, false
	}
	top, e := s.heap[0], s.heap[n]
	s.heap = s.heap[:n]
	if n == 0 {
		return top, true
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		if child+1 < n && s.heap[child+1].before(&s.heap[child]) {
			child++
		}
		if !s.heap[child].before(&e) {
			break
		}
		s.heap[i] = s.heap[child]
		i = child
	}
	s.heap[i] = e
	return top, true
}

func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.order < o.order
}
