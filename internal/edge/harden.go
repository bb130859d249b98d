package edge

import (
	"context"
	"time"

	"fanfare/edgecache"
	"fanfare/internal/mono"
)

const (
	// hardenPause is how long changes that nobody waits for may gather before they are made durable.
	hardenPause = 50 * time.Millisecond
	// hardenRetry is the pause after a failure.
	hardenRetry = time.Second
)

// hardener makes what was applied durable beside the loop: while a large bundle is written, a
// sync of the index may take seconds too. Its goroutine is run.
type hardener struct {
	cache    *edgecache.Cache
	requests chan struct{} // of capacity 1
	outbox                 // hardenDone
}

// hardenDone is what became of a request.
type hardenDone struct{ err error }

// run serves requests until ctx ends.
func (h *hardener) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.requests:
			h.post(ctx, hardenDone{h.cache.Harden()})
		}
	}
}

// hardening is the loop's view: what must be made durable, and when.
type hardening struct {
	// due is when the next request is made; Never: nothing has changed.
	due mono.Time
	// running says that a request is under way, failing that the last one failed.
	running, failing bool
	// news says that the origin waits to hear of what has changed since the last request, told that
	// it waits to hear of what the one under way makes durable.
	news, told bool
}

func newHardening() hardening { return hardening{due: mono.Never} }

// changed takes note that something changed that is not durable; news as in the field.
func (h *hardening) changed(now mono.Time, news bool) {
	if news {
		h.news, h.due = true, min(h.due, now)
		return
	}
	h.due = min(h.due, now.Add(hardenPause))
}

// start reports whether it is time for a request, which it takes for made.
func (h *hardening) start(now mono.Time) bool {
	if h.running || now < h.due {
		return false
	}
	h.running, h.told = true, h.news
	h.news, h.due = false, mono.Never
	return true
}

// next returns when start is to be called.
func (h *hardening) next() mono.Time {
	if h.running {
		return mono.Never
	}
	return h.due
}

// hardened takes the outcome of a request: the news in it may be told.
func (l *loop) hardened(now mono.Time, done hardenDone) {
	h := &l.hardening
	h.running = false
	if done.err != nil {
		if !h.failing {
			l.log.Error("what was received cannot be made durable, so nothing of it is reported", "error", done.err)
		}
		h.failing = true
		h.news = h.news || h.told
		h.due = now.Add(hardenRetry)
		return
	}
	if h.failing {
		l.log.Info("what was received is durable again")
	}
	h.failing = false
	if h.told {
		l.engine.RequestReport(now)
	}
	if l.cache.Unsynced() {
		h.changed(now, false)
	}
}

// harden has what changed made durable, if it is time for that and it is not durable already.
func (l *loop) harden(now mono.Time) {
	switch {
	case !l.hardening.start(now):
	case l.hardening.told && l.cache.Settle():
		l.hardened(now, hardenDone{})
	default:
		l.hardener.requests <- struct{}{} // has room: there is one request at a time
	}
}

// tell has what has changed reported soon, once it is durable.
func (l *loop) tell(now mono.Time) { l.hardening.changed(now, true) }
