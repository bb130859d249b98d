package carousel

import (
	"time"

	"fanfare/internal/mono"
)

const (
	// firstRepeat is after what time an entry is sent again for the first time; then it doubles.
	firstRepeat = 25 * time.Millisecond
	// repeatShare is the part of the rate that repeats take at most.
	repeatShare = 10
)

// repeats sends the newest entries again outside of cycles, ever more rarely.
type repeats struct {
	limit int
	// list is ascending by sequence.
	list []repeat
	// release is when the next may go, for the sake of the rate.
	release mono.Time
	// due is when the first is due; Never if there are none.
	due mono.Time
}

// repeat is one entry that no cycle has carried.
type repeat struct {
	sequence uint64
	// since is when it was published, due when it is to be sent again.
	since, due mono.Time
}

func newRepeats(limit int) repeats { return repeats{limit: limit, due: mono.Never} }

// add takes an entry that was published.
func (r *repeats) add(now mono.Time, sequence uint64) {
	if len(r.list) >= r.limit {
		copy(r.list, r.list[1:])
		r.list = r.list[:len(r.list)-1]
	}
	due := now.Add(firstRepeat)
	r.list = append(r.list, repeat{sequence: sequence, since: now, due: due})
	r.due = min(r.due, due)
}

// next returns the entry to send again now, 0 if there is none: of several that are due the one
// that has been for longest, the newer of equals.
func (r *repeats) next(now mono.Time) (sequence uint64) {
	if now < r.due || now < r.release {
		return 0
	}
	found := -1
	for i := range r.list {
		if found < 0 || r.list[i].due <= r.list[found].due {
			found = i
		}
	}
	if found >= 0 && r.list[found].due <= now {
		x := &r.list[found]
		x.due = now.Add(max(now.Sub(x.since), firstRepeat))
		sequence = x.sequence
	}
	r.arm()
	return sequence
}

// sent says that the entry that next returned went out, and how long others have to wait for it.
func (r *repeats) sent(now mono.Time, wait time.Duration) {
	r.release = max(r.release, now).Add(wait)
}

// carried drops the entries that a whole cycle has sent, which began at a time and is over. What
// was published in the moment of its beginning it did not send a second time.
func (r *repeats) carried(begun mono.Time) {
	kept := 0
	for _, x := range r.list {
		if begun.Sub(x.since) < firstRepeat {
			r.list[kept] = x
			kept++
		}
	}
	r.list = r.list[:kept]
	r.arm()
}

// arm finds out when the first is due.
func (r *repeats) arm() {
	r.due = mono.Never
	for _, x := range r.list {
		r.due = min(r.due, x.due)
	}
}

// timeout returns when next will have something.
func (r *repeats) timeout() mono.Time {
	if r.due == mono.Never {
		return mono.Never
	}
	return max(r.due, r.release)
}
