package receiver

import (
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/wire"
)

// presence tells a sender that is silent from one that is heard.
type presence struct {
	since  mono.Time // when it was last heard, or the start
	heard  bool
	silent bool // SenderSilent was given out
}

// silence is how long nothing may come until the sender is silent: three heartbeats were lost.
const silence = 3*wire.MaxHeartbeatInterval + 500*time.Millisecond

// hear says that a packet came; it reports whether the sender was not heard before.
func (p *presence) hear(now mono.Time) (news bool) {
	news = !p.heard
	p.since, p.heard, p.silent = now, true, false
	return news
}

// deadline returns when the sender will be silent.
func (p *presence) deadline() mono.Time {
	if p.silent {
		return mono.Never
	}
	return p.since.Add(silence)
}

// check reports whether the sender has fallen silent.
func (p *presence) check(now mono.Time) (news bool) {
	if now < p.deadline() {
		return false
	}
	p.heard, p.silent = false, true
	return true
}
