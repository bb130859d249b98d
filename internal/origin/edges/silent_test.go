package edges

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"fanfare/internal/wire"
)

// The log tells once that an edge is silent, again after it was back, and does not name thousands.
func TestTellSilent(t *testing.T) {
	var text strings.Builder
	table := New(testGeneration, map[uint64]Saved{99: {Name: "never heard"}}, func() {}, slog.New(slog.NewTextHandler(&text, nil)))
	now := time.Unix(1e9, 0)
	check := func(when time.Duration, silent int, more string) {
		t.Helper()
		text.Reset()
		table.Tidy(now.Add(when))
		if got := strings.Count(text.String(), "edge is silent"); got != silent || !strings.Contains(text.String(), more) {
			t.Errorf("after %v %d edges were told of, not %d, and %q:\n%s", when, got, silent, more, &text)
		}
	}
	tell(table, now, 1, "web", wire.Report{})
	check(time.Second, 0, "")
	check(aliveFor+time.Second, 1, "edge=web")
	check(aliveFor+time.Minute, 0, "")
	now = now.Add(time.Hour)
	for id := range uint64(maxSilentTold + 5) {
		tell(table, now, id, "web", wire.Report{})
	}
	check(aliveFor+time.Second, maxSilentTold, "edges=5")
}
