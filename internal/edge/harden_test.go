package edge

import (
	"testing"
	"time"

	"fanfare/internal/mono"
)

func TestHardening(t *testing.T) {
	h, now := newHardening(), mono.Time(time.Second)
	if h.start(now) || h.next() != mono.Never {
		t.Fatal("a request though nothing changed")
	}
	h.changed(now, false)
	h.changed(now.Add(hardenPause/2), false) // does not put the first off
	if h.start(now.Add(hardenPause-1)) || !h.start(now.Add(hardenPause)) || h.told {
		t.Fatalf("changes gather until %v, news: %v", h.next(), h.told)
	}
	h.changed(now, true)
	if h.start(now) || h.next() != mono.Never {
		t.Fatal("two requests at a time")
	}
	h.running = false // the first is done
	if !h.start(now) || !h.told {
		t.Fatal("news waited")
	}
}
