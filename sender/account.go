package sender

// account counts the transmissions of one source block, and how many it shall have. It is
// what makes asks commute: whichever order they come in, once or twice, late or not, the
// goal is the largest of what each of them needs, and nothing is sent for the same loss twice.
type account struct {
	// sent is T, the transmissions so far: the next one carries ESI T mod n.
	sent uint32
	// goal is G: the block is transmitted while sent < goal. It never falls.
	goal uint32
	// before counts the transmissions that every ask has seen: those of the first pass.
	before uint32
	// runs are the transmissions since, oldest first; before and their counts add up to sent.
	runs   [maxRuns]run
	length uint8
}

// run is count transmissions in packets first to last. Only in the oldest, which takes in
// others when there are too many, can there be other packets between them.
type run struct {
	first, last uint32
	count       uint32
}

// maxRuns is how many runs an account tells apart. Each repair round of a block makes one
// or two, so an ask is judged exactly if it is not more than about four rounds old.
const maxRuns = 8

// opened returns the account of a block of which sent transmissions were seen by all.
func opened(sent int) account {
	return account{sent: uint32(sent), goal: uint32(sent), before: uint32(sent)}
}

// outstanding returns G - T.
func (a *account) outstanding() int { return int(a.goal - a.sent) }

// transmit notes one more transmission, in the packet with this sequence number.
func (a *account) transmit(sequence uint32) {
	a.sent++
	if a.length > 0 {
		last := &a.runs[a.length-1]
		if last.last+1 == sequence {
			last.last++
			last.count++
			return
		}
	}
	if a.length == maxRuns {
		a.runs[1].first = a.runs[0].first
		a.runs[1].count += a.runs[0].count
		copy(a.runs[:], a.runs[1:])
		a.length--
	}
	a.runs[a.length] = run{first: sequence, last: sequence, count: 1}
	a.length++
}

// seen returns C: how many transmissions were in packets up to sequence, whether they arrived
// or not. If that is not known exactly it returns the least it can be: what an edge asks for
// beyond is not sent, and it asks again.
func (a *account) seen(sequence uint32) uint32 {
	n := a.before
	for _, r := range a.runs[:a.length] {
		switch {
		case int32(sequence-r.last) >= 0:
			n += r.count
		case int32(sequence-r.first) >= 0:
			later := min(r.last-sequence, r.count)
			n += r.count - later
		}
	}
	return n
}

// ask raises the goal for an edge that has seen C transmissions and needs e more, and
// returns by how much.
func (a *account) ask(seen uint32, need int) (raised int) {
	goal := seen + uint32(need)
	if goal <= a.goal {
		return 0
	}
	raised = int(goal - a.goal)
	a.goal = goal
	return raised
}
