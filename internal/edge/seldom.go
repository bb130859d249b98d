package edge

import (
	"time"

	"fanfare/internal/mono"
)

// seldomPause is the least time between two lines of the log about the same thing.
const seldomPause = 10 * time.Second

// seldom is something that anybody who can send to the group can make happen as often as he likes,
// and of which the log tells now and then.
type seldom struct {
	// times is how often it has happened, told when the log told of it last; 0: never.
	times uint64
	told  mono.Time
}

// happened takes note, and reports whether the log is to tell of it.
func (s *seldom) happened(now mono.Time) (tell bool) {
	s.times++
	if s.told != 0 && now.Sub(s.told) < seldomPause {
		return false
	}
	s.told = now
	return true
}
