package origin

import "testing"

func TestSnake(t *testing.T) {
	for name, want := range map[string]string{
		"NACKsReceived": "nacks_received", "GRTT": "grtt", "BytesSent": "bytes_sent", "FeedbackInvalid": "feedback_invalid",
		"AsksRefused": "asks_refused", "EntriesOld": "entries_old", "Objects": "objects",
	} {
		if got := snake(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
