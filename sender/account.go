package sender

// account counts the transmissions of one source block, and how many it shall have. It is
// what makes asks commute: whichever order they come in, once or twice, late or not, the
// goal is the largest of what each of them needs, and nothing is sent for the same loss twice.
type account struct {
	// sent is T, the transmissions so far: the next one carries ESI T mod n.
	sent uint32
	// goal is G: the block is transmitted while sent < goal. It never falls.
	goal uint32
	// before counts the transmissions that every ask is taken to have seen: those of the
	// first pass, and old ones for which runs has no room.
	before uint32
	// runs are the latest transmissions; before and the lengths of runs add up to sent.
	runs   [maxRuns]run
	length uint8
}

// run is count transmissions in a row, in packets first, first+1, ...
type run struct {
	first uint32
	count uint16
}

// maxRuns is how many runs an account tells apart. Each repair round of a block makes one
// or two, so an ask is judged well if it is not more than four rounds old.
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
		if last.first+uint32(last.count) == sequence && last.count < 1<<16-1 {
			last.count++
			return
		}
	}
	if a.length == maxRuns {
		a.before += uint32(a.runs[0].count)
		copy(a.runs[:], a.runs[1:])
		a.length--
	}
	a.runs[a.length] = run{first: sequence, count: 1}
	a.length++
}

// seen returns C: how many transmissions were in packets up to sequence, whether they arrived
// or not.
func (a *account) seen(sequence uint32) uint32 {
	n := a.before
	for _, r := range a.runs[:a.length] {
		if d := int32(sequence - r.first); d >= 0 {
			n += min(uint32(d)+1, uint32(r.count))
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
