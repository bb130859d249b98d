package edge

import (
	"testing"
	"time"

	"fanfare/internal/mono"
)

func TestSeldom(t *testing.T) {
	var s seldom
	now, told := mono.Time(time.Hour), 0
	for range 3000 { // half a minute
		if s.happened(now) {
			told++
		}
		now = now.Add(10 * time.Millisecond)
	}
	if told != 3 || s.times != 3000 {
		t.Errorf("told %d times of %d", told, s.times)
	}
	if now = now.Add(time.Minute); !s.happened(now) || s.happened(now) {
		t.Error("a single one is told at once, and once")
	}
}
