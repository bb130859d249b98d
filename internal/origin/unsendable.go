package origin

import (
	"errors"
	"io/fs"
	"time"

	"fanfare/internal/mono"
)

const (
	// unsendableAgain is after how long the log tells again of what still cannot be read.
	unsendableAgain = time.Minute
	// maxUnsendable is of how many it tells in that time.
	maxUnsendable = 16
)

// unsendable is of what the log has told lately that it cannot be read. Edges ask for it again and
// again, once a second or as often as somebody likes who invents asks.
type unsendable struct {
	since mono.Time
	told  map[uint64]bool // by sequence
}

// news reports whether the log is to be told of an entry, or its bundle, which it then has been.
func (u *unsendable) news(now mono.Time, sequence uint64) bool {
	if u.told == nil || now.Sub(u.since) >= unsendableAgain {
		u.since, u.told = now, make(map[uint64]bool)
	}
	if u.told[sequence] || len(u.told) >= maxUnsendable {
		return false
	}
	u.told[sequence] = true
	return true
}

// tellUnsendable counts that a bundle cannot be read, and has the log tell of it unless it is retired.
func (l *loop) tellUnsendable(now mono.Time, sequence uint64, err error) {
	l.stats.PayloadErrors++
	if _, kept := l.spool.OTI(sequence); (kept || !errors.Is(err, fs.ErrNotExist)) && l.unsendable.news(now, sequence) {
		l.log.Error("a bundle cannot be sent", "sequence", sequence, "error", err,
			"remedy", "put its file back from a copy of the origin's directory, or publish its files again")
	}
}
