package origin

import (
	"strings"
	"testing"

	"fanfare/internal/session"
)

// TestConfigErrors: an error names the line and the key, and says what should stand there.
func TestConfigErrors(t *testing.T) {
	for text, want := range map[string]string{
		"dscp: {bulky: cs1}":        `1: dscp: unknown key "bulky": did you mean "bulk"?`,
		"demote: {within: 5s}":      `1: demote: unknown key "within": known are loss, lag`,
		"nothing: 1":                "carousel_pause, min_rate, dscp, demote",
		"dscp: {control: 64}":       `1: dscp: "64" is not a number from 0 to 63`,
		"ttl: 1\ndemote: never":     `2: demote: "never" is neither off nor`,
		"carousel_pause: soon":      `1: carousel_pause: time: invalid duration "soon"`,
		"proactive: much":           "1: proactive: session: share \"much\" is not between",
		"dscp: cs1":                 `1: dscp: "cs1" is not a mapping`,
		"ttl: 1\ndemote:\n  lag: 1": `3: demote: "1" is not a duration such as 30s`,
		"feedback_rate: x":          `1: feedback_rate: "x" is not a whole number`,
		"loop: 7":                   `1: loop: "7" is not true or false`,
		"retire_after: soon":        "retire_after",
		"catch_up_rate: fast":       "1: catch_up_rate: session: rate",
	} {
		err := session.ParseYAML([]byte(text), new(config))
		if err == nil || !strings.Contains(err.Error(), want) || strings.HasSuffix(err.Error(), ", ") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
