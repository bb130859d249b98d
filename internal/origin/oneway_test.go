package origin

import (
	"testing"
	"time"

	"fanfare/internal/mono"
	"fanfare/internal/session"
)

// A one-way origin that starts repeats the newest entries of its log outside of cycles.
func TestOneWayRepeatsAfterRestart(t *testing.T) {
	o := &Origin{session: &session.Session{Mode: session.OneWay, Rate: 8_000_000}, config: &config{}}
	o.head.Sequence = 100
	w := newOneWay(o, 0)
	step, ok := w.carousel.Next(mono.Time(50*time.Millisecond), false)
	if !ok || step.Cycle != 0 || step.Sequence != 100 {
		t.Errorf("first %+v, %v", step, ok)
	}
}
