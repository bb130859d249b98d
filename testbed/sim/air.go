package sim

import (
	"fanfare/internal/wire"
)

// air holds what is under way. Places are used again, so that a packet costs no allocation.
type air struct {
	flights []flight
	trains  []train
	// feedback are messages under way.
	feedback []wire.Feedback

	freeFlights, freeTrains, freeFeedback []int
}

// flight is a packet under way.
type flight struct {
	packet wire.Packet
	// beat is the heartbeat that it carries, head the length of the log that this says.
	beat wire.Heartbeat
	head int
	// transmission numbers the transmissions of the block, from 1.
	transmission uint32
	size         int
	users        int
}

// train is the packets that left together, and arrive together at a class of edges.
type train struct {
	flights []int
	users   int
}

// flight returns the index of a free place with one user.
func (a *air) flight() int {
	if n := len(a.freeFlights); n > 0 {
		i := a.freeFlights[n-1]
		a.freeFlights = a.freeFlights[:n-1]
		a.flights[i].users = 1
		return i
	}
	a.flights = append(a.flights, flight{users: 1})
	return len(a.flights) - 1
}

// release says that one user is done with a flight.
func (a *air) release(i int) {
	if a.flights[i].users--; a.flights[i].users == 0 {
		a.freeFlights = append(a.freeFlights, i)
	}
}

// train returns the index of a train of flights, each of which it uses.
func (a *air) train(flights []int, users int) int {
	var i int
	if n := len(a.freeTrains); n > 0 {
		i = a.freeTrains[n-1]
		a.freeTrains = a.freeTrains[:n-1]
	} else {
		a.trains = append(a.trains, train{})
		i = len(a.trains) - 1
	}
	t := &a.trains[i]
	t.flights = append(t.flights[:0], flights...)
	t.users = users
	for _, f := range flights {
		a.flights[f].users++
	}
	return i
}

// arrived says that a train reached one of its classes.
func (a *air) arrived(i int) {
	t := &a.trains[i]
	if t.users--; t.users > 0 {
		return
	}
	for _, f := range t.flights {
		a.release(f)
	}
	a.freeTrains = append(a.freeTrains, i)
}

// copyFeedback returns the index of a copy of a message.
func (a *air) copyFeedback(f *wire.Feedback) int {
	var i int
	if n := len(a.freeFeedback); n > 0 {
		i = a.freeFeedback[n-1]
		a.freeFeedback = a.freeFeedback[:n-1]
	} else {
		a.feedback = append(a.feedback, wire.Feedback{})
		i = len(a.feedback) - 1
	}
	c := &a.feedback[i]
	nacks := append(c.NACKs[:0], f.NACKs...)
	*c = *f
	c.NACKs = nacks
	if f.Report != nil {
		report := *f.Report
		c.Report = &report
	}
	return i
}

// landed says that a message has arrived.
func (a *air) landed(i int) { a.freeFeedback = append(a.freeFeedback, i) }
