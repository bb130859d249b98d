package sender

import (
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// unknowns keeps asks for objects that the engine does not hold, until the loop adds the
// object or a while has passed.
type unknowns struct {
	asks []unknownAsk
}

type unknownAsk struct {
	nack     wire.NACK
	sequence uint32
	known    bool      // sequence is of this instance
	at       mono.Time // last asked
	told     mono.Time // last told to the loop
}

const (
	maxUnknowns = 256
	// unknownKeep is how long an ask is kept, unknownQuiet how long the loop is not told of the
	// same object again.
	unknownKeep  = 5 * time.Second
	unknownQuiet = time.Second
)

// note keeps an ask. It reports whether the loop should be told of the object, and whether
// there was room.
func (u *unknowns) note(now mono.Time, n wire.NACK, sequence uint32, known bool) (tell, ok bool) {
	tell = true
	var same *unknownAsk
	for i := range u.asks {
		a := &u.asks[i]
		if a.nack.TOI == n.TOI && now.Sub(a.told) < unknownQuiet {
			tell = false
		}
		if a.nack == n {
			same = a
		}
	}
	if same == nil {
		if len(u.asks) >= maxUnknowns {
			return false, false
		}
		a := unknownAsk{nack: n, sequence: sequence, known: known, told: now - mono.Time(unknownQuiet)}
		u.asks = append(u.asks, a)
		same = &u.asks[len(u.asks)-1]
	}
	same.at = now
	if tell {
		same.told = now
	}
	return tell, true
}

// take removes the asks for an object and calls use with each, oldest first.
func (u *unknowns) take(toi uint32, use func(unknownAsk)) {
	kept := u.asks[:0]
	for _, a := range u.asks {
		if a.nack.TOI == toi {
			use(a)
		} else {
			kept = append(kept, a)
		}
	}
	u.asks = kept
}

// sweep forgets asks that no one came for.
func (u *unknowns) sweep(now mono.Time) {
	kept := u.asks[:0]
	for _, a := range u.asks {
		if now.Sub(a.at) <= unknownKeep {
			kept = append(kept, a)
		}
	}
	u.asks = kept
}
