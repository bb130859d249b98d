package sim

import "time"

// buffer is the receive buffer of an edge that cannot take in everything at once.
type buffer struct {
	// flights wait in it, of so many bytes; taken is how many bytes were taken out so far.
	flights []waiting
	bytes   int
	taken   uint64
	// dropped is how many were since the last of them.
	dropped uint32
}

// waiting is a flight in a receive buffer, and how many were dropped before it.
type waiting struct {
	flight  int
	dropped uint32
}

const (
	// bufferTime of the rate is the size of a receive buffer, bufferLeast bytes at least.
	bufferTime  = 80 * time.Millisecond
	bufferLeast = 4 << 20
)

// room returns the size of the receive buffer of an edge.
func (s *Simulation) room(i int) int {
	if room := s.cfg.Edges[i].Buffer; room > 0 {
		return room
	}
	return max(int(float64(s.cfg.Sender.Rate)/8*bufferTime.Seconds()), bufferLeast)
}

// queue puts a packet that has arrived into the receive buffer, if it has room.
func (s *Simulation) queue(i, flight int) {
	e := &s.edges[i]
	size := s.air.flights[flight].size
	if e.engine == nil {
		return
	}
	if e.buffer.bytes+size > s.room(i) {
		e.buffer.dropped++
		return
	}
	s.air.flights[flight].users++
	e.buffer.flights = append(e.buffer.flights, waiting{flight, e.buffer.dropped})
	e.buffer.dropped = 0
	e.buffer.bytes += size
	if len(e.buffer.flights) == 1 {
		s.takeSoon(i)
	}
}

// takeSoon has an edge take the next packet once it has worked on it.
func (s *Simulation) takeSoon(i int) {
	e := &s.edges[i]
	f := &s.air.flights[e.buffer.flights[0].flight]
	d := time.Duration(float64(f.size) * 8e9 / float64(s.cfg.Edges[i].Intake))
	s.schedule.add(max(s.now, e.paused).Add(d), takeIn, i, e.starts)
}

// takeIn has an edge handle the oldest packet of its buffer.
func (s *Simulation) takeIn(i, start int) {
	e := &s.edges[i]
	b := &e.buffer
	if e.engine == nil || e.starts != start || len(b.flights) == 0 {
		return
	}
	n := b.flights[0].flight
	e.engine.SocketDropped(b.flights[0].dropped)
	f := &s.air.flights[n]
	b.flights = b.flights[1:]
	b.bytes -= f.size
	b.taken += uint64(f.size)
	var share uint8
	if len(b.flights) > 0 {
		share = uint8(max(1, b.bytes*255/s.room(i)))
		s.takeSoon(i)
	}
	e.engine.Backlog(s.now, share, b.taken)
	s.take(i, f)
	s.pumpEdge(i, f)
	s.air.release(n)
}

// empty throws away what waits in the receive buffer of an edge.
func (s *Simulation) empty(i int) {
	b := &s.edges[i].buffer
	for _, w := range b.flights {
		s.air.release(w.flight)
	}
	*b = buffer{}
}
